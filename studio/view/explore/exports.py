"""Exports from the page: the dialogs, one after the other, and what comes of them."""

import asyncio
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QWidget

from studio.export.files import ExportError, replace_file
from studio.link.link import LinkError
from studio.model.catalogue_model import CatalogueModel
from studio.model.explore_model import ExploreModel
from studio.model.tasks import spawn
from studio.theme.theme import Theme
from studio.view.explore.export_dialog import ExportDialog
from studio.view.explore.exporting import (
    Choice,
    Sight,
    content,
    drawer,
    facts_of,
    suggested_name,
)
from studio.view.explore.particles import ParticlesPlot
from studio.view.widgets.picture_grid import Pick


class Exports(QObject):
    """Nothing waits: each dialog is opened, and its answer leads to the next step."""

    done = Signal(str)  # a sentence
    refused = Signal(str)  # a sentence

    def __init__(
        self,
        page: QWidget,
        explore: ExploreModel,
        catalogue: CatalogueModel,
        pick: Pick,
        plot: ParticlesPlot,
        theme: Theme,
    ) -> None:
        super().__init__(page)
        self._page, self._explore, self._catalogue = page, explore, catalogue
        self._pick, self._plot, self._theme = pick, plot, theme
        self._last: Choice | None = None
        self._folder = str(Path.home())

    def ask(self) -> None:
        """Ask what to export, and how."""
        model = self._explore.model
        if model is None or self._explore.states is None:
            self.refused.emit("There is nothing to export yet: open a model first.")
            return
        dialog = ExportDialog(self._page.window(), model.data.kind, self._chosen(), self._last)
        dialog.accepted_choice.connect(self.ask_file)
        dialog.open()

    def ask_file(self, choice: Choice) -> None:
        """Ask where the file goes; the file dialog asks before it takes one that is there."""
        facts = facts_of(self._explore, self._catalogue)
        if facts is None:
            return
        self._last = choice
        suffix = choice.format.lower()
        kinds = f"{choice.format} (*.{suffix})"
        dialog = QFileDialog(self._page.window(), "Export", self._folder, kinds)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(suffix)
        dialog.selectFile(suggested_name(facts, choice))
        dialog.fileSelected.connect(lambda path: self.save(choice, Path(path)))
        dialog.open()

    def save(self, choice: Choice, path: Path) -> None:
        """Write what is in sight to a file."""
        self._folder = str(path.parent)
        spawn(self._save(choice, path))

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
        facts = facts_of(self._explore, self._catalogue)
        if facts is None:
            return
        try:
            written = await content(choice, self._explore, facts, self._sight())
            await asyncio.to_thread(replace_file, path, written)
        except (ExportError, LinkError) as error:
            self.refused.emit(str(error))
            return
        self.done.emit(f"Saved {path.name}")

    def _chosen(self) -> int:
        """The picture that was clicked last, or reached by keys, among those that are there."""
        states = self._explore.states
        return min(self._pick.chosen, len(states.x_s) - 1) if states is not None else 0

    def _sight(self) -> Sight:
        index = self._pick.hovered if self._pick.hovered >= 0 else self._chosen()
        plot = self._plot
        return Sight(index, plot.layers(), plot.window_of_plane, self._theme.tokens)
