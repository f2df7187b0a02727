"""Exports from the page: the dialogs, one after the other, and what comes of them."""

import asyncio
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QWidget

from engine.contract.catalogue import Model
from engine.contract.commands import remembered, shell
from engine.contract.facts import Facts
from engine.contract.films import ThemeName
from engine.contract.maps import MAPS, MapKind, map_problem
from studio.export.files import ExportError, replace_file
from studio.link.link import LinkError
from studio.model.catalogue_model import CatalogueModel
from studio.model.explore_model import ExploreModel
from studio.model.export_model import ExportModel
from studio.model.map_model import MapModel
from studio.model.tasks import spawn
from studio.theme.theme import Theme
from studio.view.explore.commanding import Hand, is_run, words_of
from studio.view.explore.export_choice import Choice, offers
from studio.view.explore.export_dialog import ExportDialog
from studio.view.explore.exporting import Sight, content, drawer, facts_of, suggested_name
from studio.view.explore.particles import ParticlesPlot
from studio.view.widgets.picture_grid import Pick


class Exports(QObject):
    """Nothing waits: each dialog is opened, and its answer leads to the next step."""

    done = Signal(str)  # a sentence
    refused = Signal(str)  # a sentence
    failed = Signal(str)  # of what the engine was to make: it stays until the next is asked for

    def __init__(
        self,
        page: QWidget,
        explore: ExploreModel,
        maps: MapModel,
        catalogue: CatalogueModel,
        pick: Pick,
        plot: ParticlesPlot,
        theme: Theme,
    ) -> None:
        super().__init__(page)
        self._page, self._explore, self._maps, self._catalogue = page, explore, maps, catalogue
        self._pick, self._plot, self._theme = pick, plot, theme
        self._last: Choice | None = None
        self._folder = str(Path.home())
        self.model = ExportModel(explore.link, self)
        self.model.done.connect(lambda path: self.done.emit(f"Saved {Path(path).name}"))
        self.model.failed.connect(self.failed)

    def ask(self) -> None:
        """Ask what to export, and how."""
        model = self._explore.model
        if model is None or self._explore.states is None:
            self.refused.emit("There is nothing to export yet: open a model first.")
            return
        maps = self._known_maps(model)
        offered = offers(model.data.kind, is_run(self._hand()), bool(maps))
        if "picture" in offered:
            title = f"One picture of xₛ: number {self._chosen() + 1}"
            offered["picture"] = offered["picture"]._replace(title=title)
        first = self._last or self._first(maps)
        if self._explore.shares:  # a trajectory through the times that were set by hand
            first = replace(first, steps=self._explore.steps)
        dialog = ExportDialog(self._page.window(), offered, maps, self.command, first)
        dialog.accepted_choice.connect(self.ask_file)
        dialog.open()

    def ask_file(self, choice: Choice) -> None:
        """Ask where the file goes; the file dialog asks before it takes one that is there."""
        facts = self._facts(choice)
        if facts is None:
            return
        self._last = choice
        kinds = f"{choice.format} (*.{choice.suffix})"
        dialog = QFileDialog(self._page.window(), "Export", self._folder, kinds)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(choice.suffix)
        dialog.selectFile(suggested_name(facts, choice))
        dialog.fileSelected.connect(lambda path: self.save(choice, Path(path)))
        dialog.open()

    def save(self, choice: Choice, path: Path) -> None:
        """Write what is in sight to a file, or let the engine make it."""
        self._folder = str(path.parent)
        if choice.by_engine and self._explore.states is not None:
            self.model.start(words_of(choice, self._hand()), path, self._known_values(choice))
        else:
            spawn(self._save(choice, path))

    def command(self, choice: Choice) -> str:
        """The line that makes it again."""
        facts = self._facts(choice)
        name = suggested_name(facts, choice) if facts else f"export.{choice.suffix}"
        return shell(words_of(choice, self._hand()), name, self.model.workspace)

    def copy(self) -> None:
        """The picture under the cursor, else all of them or the plot, to the clipboard."""
        model = self._explore.model
        if model is None or self._explore.states is None:
            self.refused.emit("There is nothing to copy yet: open a model first.")
            return
        if model.data.kind == "points":
            choice, words = Choice("plot", "PNG", 2), "The plot was copied."
        elif self._pick.hovered >= 0:
            choice, words = Choice("picture", "PNG", 8), "The picture was copied."
        else:
            choice, words = Choice("x_s", "PNG", 8), "All pictures were copied."
        spawn(self._copy(choice, words))

    async def _copy(self, choice: Choice, words: str) -> None:
        image = await asyncio.to_thread(drawer(choice, self._explore, self._sight()))
        QGuiApplication.clipboard().setImage(image)
        self.done.emit(words)

    async def _save(self, choice: Choice, path: Path) -> None:
        facts = self._facts(choice, path.name)
        if facts is None:
            return
        try:
            written = await content(choice, self._explore, facts, self._sight())
            await asyncio.to_thread(replace_file, path, written)
        except (ExportError, LinkError) as error:
            self.refused.emit(str(error))
            return
        self.done.emit(f"Saved {path.name}")

    def _facts(self, choice: Choice, name: str = "") -> Facts | None:
        """Where it comes from, with the command that makes the file `name` again."""
        facts = facts_of(self._explore, self._catalogue)
        if facts is None or not name:
            return facts
        return replace(facts, command=remembered(words_of(choice, self._hand()), name))

    def _first(self, maps: tuple[MapKind, ...]) -> Choice:
        """What is offered first: what is in sight, and the map that is."""
        kind = self._maps.kind if self._maps.kind in maps else None
        points = self._explore.model is not None and self._explore.model.data.kind == "points"
        return Choice("plot" if points else "x_s", "PNG", map=kind, annotate=False)

    def _known_maps(self, model: Model) -> tuple[MapKind, ...]:
        """The maps that the engine can measure of the model, that in sight first."""
        known = [
            info.kind
            for info in MAPS
            if not map_problem(info.kind, model, self._maps.other)
            and (info.kind != "loss" or is_run(self._hand()))
        ]
        return tuple(sorted(known, key=lambda kind: kind != self._maps.kind))

    def _known_values(self, choice: Choice) -> bytes:
        """What the map in sight says, where it is the one to export and is whole."""
        maps, field = self._maps, self._maps.field
        if choice.what != "map" or choice.map != maps.kind or maps.kind == "loss":
            return b""
        return field.values.astype("<f4").tobytes() if field and field.whole else b""

    def _hand(self) -> Hand:
        theme: ThemeName = "light" if self._theme.tokens.name == "light" else "dark"
        return Hand(
            self._explore, self._maps, self._catalogue, self._index(), theme, self._plot.described
        )

    def _chosen(self) -> int:
        """The picture that was clicked last, or reached by keys, among those that are there."""
        states = self._explore.states
        return min(self._pick.chosen, len(states.x_s) - 1) if states is not None else 0

    def _index(self) -> int:
        return self._pick.hovered if self._pick.hovered >= 0 else self._chosen()

    def _sight(self) -> Sight:
        plot = self._plot
        return Sight(self._index(), plot.layers(), plot.window_of_plane, self._theme.tokens)
