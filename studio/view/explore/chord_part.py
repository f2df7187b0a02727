"""The chord at the cursor: drawn over the particles, and told in a line."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QPointF, QSizeF, Qt
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from studio.model.chord_model import ChordModel, SeenChord
from studio.theme.theme import Theme
from studio.theme.tokens import Tokens
from studio.view.explore.particles import ParticlesPlot
from studio.view.explore.plot_drawing import Plane

TITLE = "Chord at the cursor"
TIP = (
    "From the place under the mouse: the path in blue, the straight jump (s − t) u in green, and "
    "in violet where the velocity there would lead, (s − t) v (H; Ctrl+arrows move it)"
)
TOLD = (
    "Curvature is |dv/dt| along the path at t, in the data's units over time squared. Zero on all "
    "of the way: the path is straight at an even pace, u is v, and one step is exact."
)
_HINT = "Point at a place of the plane: its jump, its velocity, and how its path bends."
_STEP = 0.02  # of the window's side that an arrow key moves
_WAYS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Down: (0, -1),
    Qt.Key.Key_Up: (0, 1),
}


class ChordOverlay(QWidget):
    """Follows the mouse over the plot and draws on top of it; it lets the mouse through."""

    def __init__(self, plot: ParticlesPlot, chord: ChordModel, theme: Theme) -> None:
        super().__init__(plot)
        self._plot, self._chord, self._theme = plot, chord, theme
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.resize(plot.size())
        self.setVisible(chord.on)
        plot.installEventFilter(self)
        chord.changed.connect(self._on_change)
        theme.changed.connect(self.update)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Mouse and keys of the plot; all but Ctrl+arrows go on to it."""
        if event.type() == QEvent.Type.Resize:
            self.resize(self._plot.size())
        elif not self._chord.on:
            return False
        elif event.type() == QEvent.Type.Leave:
            self._chord.look_at(None)
        elif isinstance(event, QMouseEvent) and (plane := self._plane()) is not None:
            self._chord.look_at(plane.place(event.position()))
        elif isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            return self._key(event)
        return False

    def paintEvent(self, event: QPaintEvent) -> None:
        """Path, chord and tangent."""
        seen, plane = self._chord.seen, self._plane()
        if seen is None or plane is None:
            return
        painter, tokens = QPainter(self), self._theme.tokens
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        start = np.array(seen.place, np.float32)
        if seen.path is not None:
            line = [QPointF(x, y) for x, y in plane.pixels(seen.path).tolist()]
            for ink, width in ((tokens.card, 4.5), (tokens.models[0], 2.2)):
                painter.setPen(QPen(QColor(ink), width))
                painter.drawPolyline(QPolygonF(line))
        for way, colour in _ways(seen, tokens):
            if way is not None:
                ends = plane.pixels(np.stack((start, start + way))).tolist()
                tail, tip = (QPointF(x, y) for x, y in ends)
                _arrow(painter, tail, tip, tokens.card, colour)
        painter.setPen(QPen(QColor(tokens.card), 1.5))
        painter.setBrush(QColor(tokens.text))
        ((x, y),) = plane.pixels(start[None]).tolist()
        painter.drawEllipse(QPointF(x, y), 3.5, 3.5)
        painter.end()

    def _key(self, event: QKeyEvent) -> bool:
        way, window = _WAYS.get(Qt.Key(event.key())), self._plot.window_of_plane
        held = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if way is None or window is None or not held:
            return False
        x, y = self._chord.place or (window.x, window.y)
        reach = 2 * window.half * _STEP
        self._chord.look_at((x + way[0] * reach, y + way[1] * reach))
        return True

    def _plane(self) -> Plane | None:
        window = self._plot.window_of_plane
        return None if window is None else Plane(QSizeF(self._plot.size()), window)

    def _on_change(self) -> None:
        self.setVisible(self._chord.on)
        self.update()


def told(chord: ChordModel) -> str:
    """The chord in one line."""
    seen = chord.seen
    if chord.problem or seen is None:
        return chord.problem or _HINT
    said = [seen.why] if seen.why else []
    if seen.chord is not None:
        said.append(f"(s−t)u = {_pair(seen.chord)}")
    if seen.tangent is not None:
        said.append(f"(s−t)v = {_pair(seen.tangent)}")
    if seen.chord is not None and seen.tangent is not None:
        said.append(f"{float(np.hypot(*(seen.chord - seen.tangent))):.2f} apart")
    if seen.curvature is not None:
        exact = "" if seen.exact is None else f" (exact {seen.exact:.2f})"
        said.append(f"curvature {seen.curvature:.2f}{exact} per t²")
    elif not seen.why:
        said.append("it knows no velocity")
    return " · ".join(said)


def _ways(seen: SeenChord, tokens: Tokens) -> tuple[tuple[NDArray[np.float32] | None, str], ...]:
    """The tangent, and the chord over it."""
    return (seen.tangent, tokens.models[3]), (seen.chord, tokens.models[2])


def _pair(way: NDArray[np.float32]) -> str:
    return f"({way[0]:.2f}, {way[1]:.2f})".replace("-", "−")


def _arrow(painter: QPainter, start: QPointF, end: QPointF, under: str, colour: str) -> None:
    way = end - start
    length = float(np.hypot(way.x(), way.y()))
    if not 1.0 <= length < 1e5:
        return
    back = way / length * min(9.0, length / 2)
    side = QPointF(-back.y(), back.x()) * 0.45
    head = QPolygonF([end, end - back + side, end - back - side])
    for ink, width in ((under, 4.0), (colour, 1.8)):
        painter.setPen(QPen(QColor(ink), width))
        painter.setBrush(QColor(ink))
        painter.drawLine(start, end - back)
        painter.drawPolygon(head)
