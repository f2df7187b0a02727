"""Grids of pictures side by side: where we stand, where we jump, and where others jump."""

import numpy as np
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from engine.contract.catalogue import Model
from studio.model.catalogue_model import CatalogueModel
from studio.model.companions import Companions
from studio.model.explore_model import ExploreModel
from studio.model.states import States
from studio.theme.theme import Theme
from studio.theme.tokens import companion_colour
from studio.view.explore.line import Line
from studio.view.explore.telling import caption, gap_text
from studio.view.widgets.card import Card, head, label
from studio.view.widgets.picture_grid import Pick, PictureGrid

_NOTHING = np.zeros((0, 1, 1, 3), np.uint8)


class PicturesPane(Card):
    """x_t beside x_s, and x_s of every companion; a picture is outlined in all at once."""

    def __init__(
        self,
        explore: ExploreModel,
        companions: Companions,
        catalogue: CatalogueModel,
        theme: Theme,
        pick: Pick,
    ) -> None:
        super().__init__()
        self._explore, self._companions, self._catalogue = explore, companions, catalogue
        self._pick, self._theme = pick, theme
        self.start, self.end = PictureGrid("xₜ", pick, theme), PictureGrid("xₛ", pick, theme)
        self.others: list[PictureGrid] = []
        self._at, self._to = label("", "small"), label("", "small")
        self._jumped = label("Where we jump", "title")
        self.line, self._index = Line("This jump", theme), label("", "muted")
        self._sides = QHBoxLayout()
        self._sides.setSpacing(24)
        self._stood = label("Where we stand", "title")
        self._sides.addWidget(_side(self._stood, self._at, self.start), 1)
        self._sides.addWidget(_side(self._jumped, self._to, self.end), 1)
        self._columns: list[tuple[QWidget, QLabel]] = []
        foot = QHBoxLayout()
        foot.addWidget(self.line, 1)
        foot.addWidget(self._index)
        self.outer.setContentsMargins(14, 8, 14, 10)
        self.body.addLayout(self._sides, 1)
        self.body.addLayout(foot)
        pick.changed.connect(self._show_index)
        companions.changed.connect(self._show_companions)
        companions.states_changed.connect(self._show_others)
        theme.changed.connect(self._show_companions)
        explore.model_changed.connect(self._name_ours)

    def show_states(self, states: States) -> None:
        """Show an answer."""
        self.start.show_pictures(states.x_t)
        self.end.show_pictures(states.x_s)
        alone = not self._companions.all
        self._at.setText(f"{'xₜ   ' if alone else ''}t = {states.t:.3f}")
        self._to.setText(f"{'xₛ   ' if alone else ''}s = {states.s:.3f}")
        self.line.set_text(caption(states))

    def _show_companions(self) -> None:
        """A column for each model beside the one in hand."""
        for column, _ in self._columns:
            self._sides.removeWidget(column)
            column.hide()
            column.deleteLater()
        self._columns, self.others = [], []
        for place, other in enumerate(self._companions.all):
            title, said = label(self._method(other.model), "title"), label("", "small")
            colour = companion_colour(self._theme.tokens, place)
            title.setStyleSheet(f"color: {colour}")
            grid = PictureGrid(f"xₛ of {other.name}", self._pick, self._theme)
            column = _side(title, said, grid)
            self._sides.addWidget(column, 1)
            self._columns.append((column, said))
            self.others.append(grid)
        self._name_ours()
        self._show_others()

    def _show_others(self) -> None:
        for (_, said), grid, other in zip(
            self._columns, self.others, self._companions.all, strict=True
        ):
            if other.states is not None and other.states.x_s.ndim == 4:
                grid.show_pictures(other.states.x_s)
            else:
                grid.show_pictures(_NOTHING)
            said.setText(gap_text(other))

    def _name_ours(self) -> None:
        """Among several models the one in hand is called by its name, and words are short."""
        if self._explore.states is not None and self._explore.states.x_s.ndim == 4:
            self.show_states(self._explore.states)
        self._stood.setText("xₜ" if self._companions.all else "Where we stand")
        model, alone = self._explore.model, not self._companions.all
        self._jumped.setText("Where we jump" if alone or model is None else self._method(model))
        colour = "" if alone else f"color: {self._theme.tokens.models[0]}"
        self._jumped.setStyleSheet(colour)

    def _method(self, model: Model) -> str:
        method = self._catalogue.method(model.method)
        return method.title if method else model.method

    def _show_index(self) -> None:
        hovered = self._pick.hovered
        self._index.setText(f"picture {hovered + 1}" if hovered >= 0 else "")


def _side(title: QLabel, right: QLabel, grid: PictureGrid) -> QWidget:
    """A grid under its title."""
    top = head()
    top.addWidget(title)
    top.addStretch(1)
    top.addWidget(right)
    column = QWidget()
    # As wide as its neighbours, whatever the words above it need.
    column.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
    side = QVBoxLayout(column)
    side.setContentsMargins(0, 0, 0, 0)
    side.setSpacing(8)
    side.addLayout(top)
    side.addWidget(grid, 1)
    return column
