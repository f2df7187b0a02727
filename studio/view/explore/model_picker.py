"""The model in hand as a chip, with the menu to take another."""

from pathlib import Path

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy

from studio.model.catalogue_model import CatalogueModel
from studio.model.explore_model import ExploreModel
from studio.model.runs_model import RunsModel
from studio.theme.theme import Theme
from studio.view.explore.model_menu import ModelMenu
from studio.view.widgets.card import label
from studio.view.widgets.tips import plain_tip


class ModelPicker(QPushButton):
    """`chosen` carries the name, run or path that a person wants to explore."""

    chosen = Signal(str)

    def __init__(
        self, explore: ExploreModel, catalogue: CatalogueModel, runs: RunsModel, theme: Theme
    ) -> None:
        super().__init__()
        self._explore, self._catalogue, self._theme = explore, catalogue, theme
        self._opening = ""
        self._dot, self._chevron = QLabel(), QLabel()
        self._title, self._about = label("", "title"), label("", "muted")
        self.menu_of_models = ModelMenu(self, explore, catalogue, runs, theme)
        self.menu_of_models.chosen.connect(self.chosen)
        self._row = row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 10, 6)
        row.setSpacing(8)
        for part in (self._dot, self._title, self._about, self._chevron):
            part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            row.addWidget(part)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.clicked.connect(self.open_menu)
        explore.model_changed.connect(self._show)
        catalogue.changed.connect(self._show)
        theme.changed.connect(self._dress)
        self._dress()
        self._show()

    def sizeHint(self) -> QSize:
        """As wide as the words in it."""
        return self._row.sizeHint()

    def minimumSizeHint(self) -> QSize:
        """It is never cut."""
        return self.sizeHint()

    def show_opening(self, name: str) -> None:
        """Say that a model is on its way; "" when it has come or will not."""
        self._opening = name
        self._show()

    def open_menu(self) -> None:
        """Show what can be opened, under the chip."""
        self.menu_of_models.popup(self.mapToGlobal(QPoint(0, self.height() + 4)))

    def _show(self) -> None:
        model = self._explore.model
        if self._opening:
            title, about = "Opening", short_name(self._opening)
        elif model is None:
            title, about = "Choose a model", ""
        else:
            method = self._catalogue.method(model.method)
            title = method.title if method else model.method
            about = f"{model.data.name} · step {model.step:,}"
        self._title.setText(title)
        self._about.setText(about)
        self._about.setVisible(bool(about))
        self.setAccessibleName(f"Model: {title} {about}".strip())
        name = short_name(self._explore.name)
        self.setToolTip(plain_tip(f"{name}: choose another model") if model else "")
        self.updateGeometry()

    def _dress(self) -> None:
        size = QSize(14, 14)
        colour = self._theme.tokens.models[0]
        self._dot.setFixedSize(10, 10)
        self._dot.setStyleSheet(f"background: {colour}; border-radius: 5px")
        self._chevron.setPixmap(self._theme.icon("chevron-down", "muted").pixmap(size))


def short_name(name: str) -> str:
    """A file by its name, everything else as it is."""
    return Path(name).name if name.endswith(".safetensors") else name
