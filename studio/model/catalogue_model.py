"""What can be chosen: methods, presets, data sets and models."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from engine.contract.catalogue import DataSet, Method, Preset
from engine.contract.messages import Catalogue, GetCatalogue, ImportData, Imported, ImportPoints
from studio.link.link import Link
from studio.model.ask import ask
from studio.model.tasks import spawn


class CatalogueModel(QObject):
    """The engine's catalogue; empty until the engine is ready, and read anew each time it is."""

    changed = Signal()

    def __init__(self, link: Link, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._link = link
        self.methods: tuple[Method, ...] = ()
        self.presets: tuple[Preset, ...] = ()
        self.data: tuple[DataSet, ...] = ()
        self.models: tuple[str, ...] = ()
        link.opened.connect(self._on_opened)

    async def refresh(self) -> None:
        """Ask the engine for its catalogue. Raises Refusal or LinkClosed."""
        answer, _ = await ask(self._link, GetCatalogue, Catalogue)
        self.methods, self.presets = answer.methods, answer.presets
        self.data, self.models = answer.data, answer.models
        self.changed.emit()

    async def import_data(self, path: str, name: str) -> Imported:
        """Import a folder or file as data set `name`. Raises Refusal or LinkClosed."""
        answer, _ = await ask(self._link, lambda id: ImportData(id, path, name), Imported)
        await self.refresh()
        return answer

    async def import_points(self, points: NDArray[np.float32], name: str) -> Imported:
        """Keep points [n, 2] as data set `name`. Raises Refusal or LinkClosed."""
        raw = np.ascontiguousarray(points, "<f4").tobytes()
        answer, _ = await ask(self._link, lambda id: ImportPoints(id, name, raw), Imported)
        await self.refresh()
        return answer

    def data_set(self, name: str) -> DataSet | None:
        """The data set called `name`, if there is one."""
        return next((d for d in self.data if d.name == name), None)

    def preset(self, name: str) -> Preset | None:
        """The preset called `name`, if there is one."""
        return next((p for p in self.presets if p.name == name), None)

    def method(self, name: str) -> Method | None:
        """The method called `name`, if there is one."""
        return next((m for m in self.methods if m.name == name), None)

    def _on_opened(self, hello: object) -> None:
        spawn(self.refresh(), refused=lambda why: None)  # a dead engine says so by itself
