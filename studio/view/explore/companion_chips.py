"""The models beside the one in hand, as chips in their colours, and the way to add one."""

from functools import partial

from PySide6.QtCore import QPoint, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QWidget

from engine.contract.catalogue import Model
from studio.model.catalogue_model import CatalogueModel
from studio.model.companions import MOST, ORIGIN, TRUTH, Companion, Companions
from studio.model.explore_model import ExploreModel
from studio.model.runs_model import RunsModel
from studio.theme.theme import Theme
from studio.theme.tokens import companion_colour
from studio.view.explore.model_menu import CompanionMenu
from studio.view.explore.telling import method_title
from studio.view.explore.tool import Tool
from studio.view.widgets.card import label
from studio.view.widgets.tips import plain_tip

_SAID = {
    TRUTH: (
        "memorises",
        "Where the flow of the training pictures themselves leads from here: every way ends in one "
        "of them, so a model that generalises is not to be there",
    ),
    ORIGIN: ("before the way up", "What x_t came from: the end of a round trip belongs there"),
}


class CompanionChips(QWidget):
    """`chosen` carries the name of a model that is to stand beside the one in hand."""

    chosen = Signal(str)

    def __init__(
        self,
        explore: ExploreModel,
        companions: Companions,
        catalogue: CatalogueModel,
        runs: RunsModel,
        theme: Theme,
    ) -> None:
        super().__init__()
        self._explore, self._companions = explore, companions
        self._catalogue, self._theme = catalogue, theme
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(8)
        tip = "Show another model beside this one, from the same noise (Shift+M)"
        self.add = Tool(theme, "plus", "Add a model", self.open_menu, "Add a model", tip, "muted")
        self.add.setProperty("role", "quiet")
        self._row.addWidget(self.add)
        self.menu_of_models = CompanionMenu(self, explore, catalogue, runs, theme)
        self.menu_of_models.chosen.connect(self.chosen)
        self._chips: list[QFrame] = []
        companions.changed.connect(self._show)
        explore.model_changed.connect(self._show)
        theme.changed.connect(self._show)
        self._show()

    def open_menu(self) -> None:
        """Show what can be added, under the button."""
        if self.add.isEnabled():
            place = QPoint(0, self.add.height() + 4)
            self.menu_of_models.popup(self.add.mapToGlobal(place))

    def _show(self) -> None:
        for chip in self._chips:
            self._row.removeWidget(chip)
            chip.hide()
            chip.deleteLater()
        self._chips = [self._chip(k, other) for k, other in enumerate(self._companions.all)]
        for place, chip in enumerate(self._chips):
            self._row.insertWidget(place, chip)
        self.add.setEnabled(len(self._chips) < MOST)

    def _told(self, model: Model) -> str:
        """Its step, and its data where that is another's."""
        mine, step = self._explore.model, f"step {model.step:,}"
        same = mine is None or mine.data.name == model.data.name
        return step if same else f"{model.data.name} · {step}"

    def _chip(self, place: int, other: Companion) -> QFrame:
        chip, dot = QFrame(), QLabel()
        chip.setProperty("role", "chip")
        dot.setFixedSize(10, 10)
        colour = companion_colour(self._theme.tokens, place)
        dot.setStyleSheet(f"background: {colour}; border-radius: 5px")
        row = QHBoxLayout(chip)
        row.setContentsMargins(12, 5, 8, 5)  # no taller than what stands beside it
        row.setSpacing(8)
        title = method_title(other.model, self._catalogue)
        said = _SAID.get(other.name, (self._told(other.model), other.name))
        take_away = partial(self._companions.remove, other.name)
        away = Tool(self._theme, "x", f"Take {title} away", take_away, colour="muted")
        away.setProperty("role", "inline")
        for part in (
            dot,
            label(title, "title"),
            label(said[0], "muted"),
            away,
        ):
            row.addWidget(part)
        chip.setToolTip(plain_tip(said[1]))
        return chip
