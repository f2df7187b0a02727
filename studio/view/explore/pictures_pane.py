"""Grids of pictures side by side: where we stand, where we jump, and where others jump."""

from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from engine.contract.source import is_carried
from studio.model.catalogue_model import CatalogueModel
from studio.model.companions import Companions
from studio.model.explore_model import ExploreModel
from studio.model.picture_field_model import PictureFieldModel
from studio.model.pixel_model import PixelModel
from studio.model.sources import with_rolled
from studio.model.states import States
from studio.theme.theme import Theme
from studio.theme.tokens import companion_colour
from studio.view.explore.compared_grid import COMPARISONS, ComparedGrid, Comparing, Comparison
from studio.view.explore.line import Line
from studio.view.explore.picture_fields_part import PictureFieldsPart
from studio.view.explore.pixel_hand import PixelHand, Pointing
from studio.view.explore.pixel_part import PixelPart
from studio.view.explore.telling import caption, gap_text, method_title
from studio.view.widgets.card import Card, head, label
from studio.view.widgets.combo import Combo
from studio.view.widgets.picture_grid import Pick, PictureGrid

_DRAG = "Drag a picture to roll its noise (Shift+arrows); Esc puts it back."
_FIELDS = "Velocity and average velocity as pictures, in place of the states (F)"
_PIXELS = "Paths of the pixels that you click on (P, or Ctrl+click at any time)"
_WAYS = 140  # width of the list of comparisons


class PicturesPane(Card):
    """x_t beside x_s, and x_s of every companion; a picture is outlined in all at once."""

    def __init__(
        self,
        explore: ExploreModel,
        companions: Companions,
        catalogue: CatalogueModel,
        pixels: PixelModel,
        fields: PictureFieldModel,
        theme: Theme,
        pick: Pick,
    ) -> None:
        super().__init__()
        self._pixels, self._fields, self.pointing = pixels, fields, Pointing()
        self._explore, self._companions, self._catalogue = explore, companions, catalogue
        self._pick, self._theme = pick, theme
        self.start, self.end = PictureGrid("xₜ", pick, theme), PictureGrid("xₛ", pick, theme)
        self.others: list[ComparedGrid] = []
        self.comparing, self.ways = Comparing(), Combo()
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
        foot.addWidget(self.ways)
        self.fields_button, self.pixels_button = self._buttons()
        foot.addWidget(self.fields_button)
        foot.addWidget(self.pixels_button)
        self.fields = PictureFieldsPart(explore, fields, pick, self.pointing, theme)
        self.pixels = PixelPart(explore, pixels, self.pointing, theme)
        for grid in (self.start, self.end, *self.fields.grids.values()):
            self._hand(grid)
        self._offer_ways()
        self.outer.setContentsMargins(14, 8, 14, 10)
        self._seen, states = QStackedWidget(), QWidget()
        states.setLayout(self._sides)
        self._sides.setContentsMargins(0, 0, 0, 0)
        for part in (states, self.fields):
            self._seen.addWidget(part)
        self.body.addWidget(self._seen, 1)
        self.body.addWidget(self.pixels)
        self.body.addLayout(foot)
        pick.changed.connect(self._show_index)
        companions.changed.connect(self._show_companions)
        companions.states_changed.connect(self._show_others)
        theme.changed.connect(self._show_companions)
        explore.model_changed.connect(self._name_ours)
        explore.settings_changed.connect(self._offer_hand)
        self.start.dragged.connect(self._roll)
        fields.changed.connect(self._show_fields)
        self.pointing.changed.connect(self._show_pointing)
        self._show_fields()
        self._offer_hand()

    def show_states(self, states: States) -> None:
        """Show an answer."""
        self.start.show_pictures(states.x_t)
        self.end.show_pictures(states.x_s)
        alone = not self._companions.all
        self._at.setText(f"{'xₜ   ' if alone else ''}t = {states.t:.3f}")
        self._to.setText(f"{'xₛ   ' if alone else ''}s = {states.s:.3f}")
        self.line.set_text(caption(states))

    def _offer_hand(self) -> None:
        """There is noise to move in x_t, unless it was carried up from one picture."""
        self.start.draggable = not is_carried(self._explore.source)
        self.start.setToolTip(_DRAG if self.start.draggable else "")

    def _roll(self, index: int, right: int, down: int) -> None:
        source, states = self._explore.source, self._explore.states
        if states is not None:
            side = states.x_t.shape[2]
            self._explore.set_source(with_rolled(source, index, right, down, side))

    def _show_companions(self) -> None:
        """A column for each model beside the one in hand."""
        for column, _ in self._columns:
            self._sides.removeWidget(column)
            column.hide()
            column.deleteLater()
        self._columns, self.others = [], []
        for place, other in enumerate(self._companions.all):
            named = method_title(other.model, self._catalogue)
            title, said = label(named, "title"), label("", "small")
            colour = companion_colour(self._theme.tokens, place)
            title.setStyleSheet(f"color: {colour}")
            name = f"xₛ of {other.name}"
            grid = ComparedGrid(name, self._pick, self._theme, self.comparing)
            column = _side(title, said, grid)
            self._hand(grid)
            self._sides.addWidget(column, 1)
            self._columns.append((column, said))
            self.others.append(grid)
        self._show_fields()
        if not self.others and self.comparing.how != "side":
            self.comparing.choose("side")
        self._name_ours()
        self._show_others()

    def compare_next(self) -> None:
        """Compare in the next way, where there is something to compare with."""
        if self.others:
            self.comparing.next()

    def toggle_fields(self) -> None:
        """Fields in the place of the states, or the states again."""
        self._fields.toggle()

    def toggle_pointing(self) -> None:
        """Point at pixels, or at pictures again."""
        self.pointing.switch(not self.pointing.on)
        fields = list(self.fields.grids.values())
        grids = fields if self._fields.wanted else [self.end, self.start, *self.others]
        if self.pointing.on and not any(grid.hasFocus() for grid in grids):
            grids[0].setFocus()

    def _hand(self, grid: PictureGrid) -> None:
        """Let pixels of a grid be chosen."""
        PixelHand(grid, self._explore, self._pixels, self.pointing, self._pick, self._theme)

    def _buttons(self) -> tuple[QToolButton, QToolButton]:
        fields, pixels = QToolButton(), QToolButton()
        for button, text, name, tip, pressed in (
            (fields, "fields", "Fields as pictures", _FIELDS, self._fields.toggle),
            (pixels, "pixels", "Point at pixels", _PIXELS, self.toggle_pointing),
        ):
            button.setProperty("role", "chip")
            button.setCheckable(True)
            button.setText(text)
            button.setToolTip(tip)
            button.setAccessibleName(name)
            button.clicked.connect(pressed)
        return fields, pixels

    def _show_fields(self) -> None:
        self.fields_button.setChecked(self._fields.wanted)
        self._seen.setCurrentIndex(1 if self._fields.wanted else 0)
        self.ways.setVisible(bool(self.others) and not self._fields.wanted)

    def _show_pointing(self) -> None:
        self.pixels_button.setChecked(self.pointing.on)

    def showEvent(self, event: QShowEvent) -> None:
        """Flicker goes on."""
        self.comparing.rest(False)

    def hideEvent(self, event: QHideEvent) -> None:
        """Flicker rests."""
        self.comparing.rest(True)

    def _offer_ways(self) -> None:
        self.ways.setFixedWidth(_WAYS)
        self.ways.setAccessibleName("How models are compared")
        self.ways.activated.connect(lambda row: self.comparing.choose(list(COMPARISONS)[row]))
        self.ways.setVisible(False)
        self.comparing.changed.connect(self._compare)
        self._compare()

    def _compare(self) -> None:
        how: Comparison = self.comparing.how
        self.ways.show_items([(key, title) for key, (title, _) in COMPARISONS.items()], how)
        self.ways.setToolTip(f"{COMPARISONS[how][1]} (C: the next)")
        for grid in self.others:
            grid.compose()

    def _show_others(self) -> None:
        for (_, said), grid, other in zip(
            self._columns, self.others, self._companions.all, strict=True
        ):
            grid.show_pair(other.beside, other.states)
            said.setText(gap_text(other))

    def _name_ours(self) -> None:
        """Among several models the one in hand is called by its name, and words are short."""
        if self._explore.states is not None and self._explore.states.x_s.ndim == 4:
            self.show_states(self._explore.states)
        self._stood.setText("xₜ" if self._companions.all else "Where we stand")
        model, alone = self._explore.model, not self._companions.all
        ours = "Where we jump" if alone or model is None else method_title(model, self._catalogue)
        self._jumped.setText(ours)
        colour = "" if alone else f"color: {self._theme.tokens.models[0]}"
        self._jumped.setStyleSheet(colour)

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
