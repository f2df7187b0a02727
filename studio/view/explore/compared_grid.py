"""Pictures of another model against those of the model in hand: a difference, flicker or a wipe."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QPointF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen

from studio.model.states import States
from studio.theme.scales import colours
from studio.theme.theme import Theme
from studio.view.widgets.picture_grid import Pick, PictureGrid

Comparison = Literal["side", "difference", "flicker", "wipe"]
COMPARISONS: dict[Comparison, tuple[str, str]] = {
    "side": ("Side by side", "Each model's own pictures"),
    "difference": ("Difference", "How far each pixel is apart, from violet (nothing) to yellow"),
    "flicker": ("Flicker", "Theirs and ours in turn, in one place"),
    "wipe": ("Wipe", "Ours on the left of the line, theirs on the right; move over a picture"),
}
FLICKER = 500  # ms that either is seen
MOST = 1.0  # root mean square of a pixel's difference at the upper end of the scale
_NOTHING = np.zeros((0, 1, 1, 3), np.uint8)


class Comparing(QObject):
    """How columns are compared, and where all of them are wiped, from 0 (left) to 1."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.how: Comparison = "side"
        self.place = 0.5
        self.ours = False  # whose pictures flicker shows now
        self._clock = QTimer(self, interval=FLICKER)
        self._clock.timeout.connect(self._turn)

    def choose(self, how: Comparison) -> None:
        """Compare in another way."""
        self.how, self.ours = how, False
        if how == "flicker":
            self._clock.start()
        else:
            self._clock.stop()
        self.changed.emit()

    def rest(self, resting: bool) -> None:
        """Turn nothing while nobody looks."""
        if self.how == "flicker":
            self._clock.stop() if resting else self._clock.start()

    def next(self) -> None:
        """The next way of comparing."""
        ways = list(COMPARISONS)
        self.choose(ways[(ways.index(self.how) + 1) % len(ways)])

    def wipe(self, place: float) -> None:
        """Move the line in all pictures."""
        self.place = min(max(place, 0.0), 1.0)
        if self.how == "wipe":
            self.changed.emit()

    def _turn(self) -> None:
        self.ours = not self.ours
        self.changed.emit()


def composed(
    ours: NDArray[np.uint8], theirs: NDArray[np.uint8], comparing: Comparing
) -> NDArray[np.uint8]:
    """What is shown of two grids of pictures, uint8 [n, h, w, c], of one shape."""
    match comparing.how:
        case "difference":
            apart = (theirs.astype(np.float32) - ours) / 127.5
            return colours(np.sqrt(np.square(apart).mean(-1)) / MOST)
        case "flicker":
            return ours if comparing.ours else theirs
        case "wipe":
            width = ours.shape[2]
            left = (np.arange(width) + 0.5 < comparing.place * width)[:, None]
            return np.where(left, ours, theirs)
    return theirs


class ComparedGrid(PictureGrid):
    """The pictures of one other model; side by side where there is nothing to compare with yet."""

    def __init__(self, name: str, pick: Pick, theme: Theme, comparing: Comparing) -> None:
        super().__init__(name, pick, theme)
        self._comparing = comparing
        self._pair: tuple[States | None, States | None] = None, None

    def show_pair(self, ours: States | None, theirs: States | None) -> None:
        """Show the pictures of another model, compared with those of ours."""
        self._pair = ours, theirs
        self.compose()

    def compose(self) -> None:
        """Draw what the comparison makes of the two."""
        ours, theirs = self._pair
        if theirs is None or theirs.x_s.ndim != 4:
            self.show_pictures(_NOTHING)
        elif ours is None or ours.x_s.shape != theirs.x_s.shape:
            self.show_pictures(theirs.x_s)
        else:
            self.show_pictures(composed(ours.x_s, theirs.x_s, self._comparing))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """The line of a wipe follows the cursor within a picture."""
        super().mouseMoveEvent(event)
        index = self.tiles.index(event.position())
        if index >= 0:
            rect = self.tiles.rect(index)
            self._comparing.wipe((event.position().x() - rect.left()) / rect.width())

    def paintEvent(self, event: QPaintEvent) -> None:
        """The pictures, and the line of a wipe."""
        super().paintEvent(event)
        if self._comparing.how != "wipe":
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for colour, width in ((self._theme.tokens.card, 3.0), (self._theme.tokens.accent, 1.5)):
            painter.setPen(QPen(QColor(colour), width, Qt.PenStyle.SolidLine))
            for index in range(self.tiles.count):
                rect = self.tiles.rect(index)
                x = rect.left() + self._comparing.place * rect.width()
                painter.drawLine(QPointF(x, rect.top()), QPointF(x, rect.bottom()))
        painter.end()
