"""The card `Training, as a film`: the curve of a run, a handle over the steps that were kept."""

import math

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from studio.model.film_model import FilmModel
from studio.theme.theme import Theme
from studio.view.explore.tool import Tool
from studio.view.widgets.card import Card, label

_SIDE, _TOP, _TRACK = 12.0, 4.0, 14.0  # margins, and the height of the row of dots
DENSE = 20_000  # rows that the curve is taken from: medians of more show no more
_HANDLE = 7.0


class FilmStrip(QWidget):
    """The curve of the error over log steps, a dot for each kept step, a handle at the shown one.

    Drag, arrow keys (Home and End for the first and the last) and wheel move the handle.
    """

    def __init__(self, film: FilmModel, theme: Theme) -> None:
        super().__init__()
        self._film, self._theme = film, theme
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName("Step of the training")
        self.setToolTip("Drag to look at the model as it was; the newest step is followed.")
        film.changed.connect(self._on_film)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Low and wide."""
        return QSize(320, 66)

    def place(self, step: float) -> float:
        """Where a step lies, in pixels from the left: evenly in its logarithm."""
        low, high = self._ends()
        share = (math.log(max(step, low)) - math.log(low)) / (math.log(high) - math.log(low))
        return _SIDE + (self.width() - 2 * _SIDE) * min(1.0, share)

    def step_at(self, x: float) -> int:
        """The kept step that is nearest to a place."""
        return min(self._film.steps, key=lambda step: abs(self.place(step) - x))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint curve, track, dots and handle."""
        painter, tokens = QPainter(self), self._theme.tokens
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(tokens.models[0]), 1.4))
        painter.drawPolyline(self._curve())
        y = self.height() - _TRACK / 2 - 2
        painter.setPen(QPen(QColor(tokens.line), 1))
        painter.drawLine(QPointF(_SIDE, y), QPointF(self.width() - _SIDE, y))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(tokens.muted))
        for step in self._film.steps:
            painter.drawEllipse(QPointF(self.place(step), y), 2.5, 2.5)
        if self._film.step >= 0 and self._film.steps:
            middle = QPointF(self.place(self._film.step), y)
            painter.setPen(QPen(QColor(tokens.text if self.hasFocus() else tokens.card), 2))
            painter.setBrush(QColor(tokens.accent))
            painter.drawEllipse(middle, _HANDLE, _HANDLE)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the handle there."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._film.stop()
            self._choose(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag it."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._choose(event.position().x())

    def wheelEvent(self, event: QWheelEvent) -> None:
        """One notch is one kept step."""
        self._film.stop()
        self._film.move(1 if event.angleDelta().y() > 0 else -1)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrow keys, Home and End; every other key belongs to the page."""
        moves = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Home: -len(self._film.steps),
            Qt.Key.Key_End: len(self._film.steps),
        }
        if Qt.Key(event.key()) in moves:
            self._film.stop()
            self._film.move(moves[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

    def _choose(self, x: float) -> None:
        if self._film.steps:
            self._film.show(self.step_at(x))

    def _ends(self) -> tuple[float, float]:
        """The steps at both ends of the strip."""
        steps, run = self._film.steps, self._film.run
        last = max(run.steps[-1] if run and len(run.steps) else 1, *steps[-1:], 1)
        first = max(1, min(steps[0] if steps else 1, last / 100))
        return float(first), float(max(last, first + 1))

    def _curve(self) -> QPolygonF:
        """The error on a log scale: the median of what falls on each second pixel."""
        run = self._film.run
        if run is None or len(run.steps) < 2:
            return QPolygonF()
        # Where jumps are learned their own error grows as they do; that of the velocity means more.
        name = "error_diagonal" if "error_diagonal" in run.columns else "error"
        every = max(1, len(run.steps) // DENSE)
        steps, values = run.steps[::every], run.curve(name)[::every]
        low, high = self._ends()
        good = np.isfinite(values) & (values > 0) & (steps >= low)
        if good.sum() < 2:
            return QPolygonF()
        shares = np.log(steps[good] / low) / math.log(high / low)
        bins = (shares * max(1.0, (self.width() - 2 * _SIDE) / 2)).astype(int)
        heights = np.log(values[good])
        starts = np.flatnonzero(np.diff(bins, prepend=-1))
        middle = np.array([np.median(part) for part in np.split(heights, starts[1:])])
        bottom, top = middle.min(), middle.max()
        room = QRectF(0, _TOP, 1, self.height() - _TRACK - 2 * _TOP - 4)
        share = (middle - bottom) / (top - bottom or 1.0)
        x = _SIDE + 2 * bins[starts]
        y = room.bottom() - share * room.height()
        return QPolygonF([QPointF(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)])

    def _on_film(self) -> None:
        self.setAccessibleDescription(f"step {self._film.step:,}")
        self.update()


class FilmCard(Card):
    """Shown where the model in hand is of a run."""

    def __init__(self, film: FilmModel, theme: Theme) -> None:
        told = label("", "small")
        super().__init__("Training, as a film", told)
        self.told = told
        self._film = film
        self.strip = FilmStrip(film, theme)
        self.play = Tool(theme, "play", "Play the film", self.toggle, tip="Play the training")
        tip = "Start a new run from these weights, with what you change"
        self.fork = Tool(theme, "fork", "Fork from here", film.fork, "Fork from here", tip, "muted")
        self.fork.setProperty("role", "quiet")
        self.head.insertWidget(1, self.play)
        self.head.addWidget(self.fork)
        self.body.addWidget(self.strip)
        film.changed.connect(self._show)
        self._show()

    def toggle(self) -> None:
        """Play or stop."""
        if self._film.playing:
            self._film.stop()
        else:
            self._film.play()

    def _show(self) -> None:
        film = self._film
        self.setVisible(film.run is not None)
        self.play.setEnabled(len(film.steps) > 1)
        self.fork.setEnabled(film.can_fork)
        self.play.show_picture("pause" if film.playing else "play")
        if film.run is not None:
            self.told.setText(f"step {film.step:,} of {film.run.info.steps:,}")
