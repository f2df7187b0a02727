"""The part `This place`: what the maps say of exactly the (t, s) in hand, in numbers."""

import math

from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from engine.contract.maps import SAMPLES, Probed, map_info
from studio.model.explore_model import ExploreModel
from studio.model.held_model import KINDS, HeldModel
from studio.theme.theme import Theme
from studio.theme.tokens import faded
from studio.view.explore.jump_card import Figures
from studio.view.widgets.card import head, label, rule

ROWS: dict[Probed, str] = {
    "defect": "semigroup defect",
    "residual": "identity residual",
    "error": "error of one jump",
}
_MEMORISES = "The truth is the flow of the pictures themselves: all of its ways end in one of them."
_NONE, _STALE = "–", "of the place before"


class HeldPart(QWidget):
    """Asks while it is seen; numbers of another place are faded until there are newer."""

    def __init__(self, explore: ExploreModel, held: HeldModel, theme: Theme) -> None:
        super().__init__()
        self._explore, self._held, self._theme = explore, held, theme
        self.rows, self._about = Figures(), label("", "small")
        for kind, name in ROWS.items():
            self.rows.add(name, tip(kind))
        top = head()
        top.addWidget(label("This place", "title"))
        top.addStretch(1)
        top.addWidget(self._about)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(top)
        column.addLayout(self.rows)
        column.addSpacing(6)
        column.addWidget(rule())
        self.setToolTip("Root mean squares of one jump from t to s; asked when the hand rests.")
        held.changed.connect(self._show)
        explore.times_changed.connect(self._show)
        theme.changed.connect(self._show)
        self._show()

    def showEvent(self, event: QShowEvent) -> None:
        """Begin to ask."""
        self._held.want(True)

    def hideEvent(self, event: QHideEvent) -> None:
        """Ask no more."""
        self._held.want(False)

    def _show(self) -> None:
        held, model = self._held, self._explore.model
        asked = held.kinds()
        self.setVisible(bool(asked))
        if model is not None:
            self._about.setText(f"n = {SAMPLES[model.data.kind]}")
        for kind in KINDS:
            name, number, why = ROWS[kind], held.numbers.get(kind), held.why_not(kind)
            self.rows.show_row(name, kind in asked)
            stale = held.stale(kind)
            text = _NONE if number is None or why else _text(number.value)
            self.rows.show_value(name, text, _STALE if stale and text != _NONE else "")
            self.rows.colour(name, faded(self._theme.tokens) if stale else "")
            memorises = number is not None and number.memorises
            self.rows.explain(name, why or tip(kind, memorises))


def tip(kind: Probed, memorises: bool = False) -> str:
    """What a number says, and what zero does and does not prove."""
    info = map_info(kind)
    return " ".join((info.meaning, info.zero, *((_MEMORISES,) if memorises else ())))


def _text(value: float) -> str:
    if not math.isfinite(value):
        return "∞"
    return f"{value:.3f}" if value >= 5e-4 or not value else f"{value:.0e}"
