"""A cloud of points, drawn as a raster."""

import math

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QSize
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from studio.export.plot import Window
from studio.theme.theme import Theme
from studio.view.widgets.framing import framed, grid_step
from studio.view.widgets.raster import Raster, disc

RADIUS = 1.8  # logical pixels


class Scatter(QWidget):
    """Shows float32 [n, 2]; the frame stays while a person goes through the history."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._points: NDArray[np.float32] = np.empty((0, 2), np.float32)
        self._window: Window | None = None
        self._raster: Raster | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 120)
        self.setAccessibleName("Samples as points")
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """A square."""
        return QSize(320, 320)

    def forget(self) -> None:
        """The next points are another run's."""
        self._points, self._window = np.empty((0, 2), np.float32), None
        self.update()

    def show_points(self, points: NDArray[np.float32], anew: bool) -> None:
        """Show these points from the next paint on, in a frame of their own if `anew`."""
        self._points = points
        if anew or self._window is None:
            self._window = framed(None, points)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """A faint grid and the cloud."""
        if self._window is None:
            return
        ratio = self.devicePixelRatioF()
        width, height = round(self.width() * ratio), round(self.height() * ratio)
        scale = min(self.width(), self.height()) / (2 * self._window.half)
        painter = QPainter(self)
        self._draw_grid(painter, self._window, scale)
        if self._raster is None or (self._raster.width, self._raster.height) != (width, height):
            self._raster = Raster(width, height)
        centre = np.array((self._window.x, self._window.y), np.float32)
        stretch = np.array((scale * ratio, -scale * ratio), np.float32)
        middle = np.array((width / 2, height / 2), np.float32)
        places = (self._points - centre) * stretch + middle
        colour = QColor(self._theme.tokens.accent)
        colour.setAlphaF(0.85)
        self._raster.draw(places, disc(RADIUS * ratio), colour)
        self._raster.image.setDevicePixelRatio(ratio)
        painter.drawImage(QPointF(0, 0), self._raster.image)
        painter.end()

    def _draw_grid(self, painter: QPainter, window: Window, scale: float) -> None:
        colour = QColor(self._theme.tokens.line)
        colour.setAlphaF(0.6)
        painter.setPen(QPen(colour, 1))
        step = grid_step(window.half)
        for x in _multiples(step, window.x, self.width() / 2 / scale):
            at = round(self.width() / 2 + (x - window.x) * scale) + 0.5
            painter.drawLine(QPointF(at, 0), QPointF(at, self.height()))
        for y in _multiples(step, window.y, self.height() / 2 / scale):
            at = round(self.height() / 2 - (y - window.y) * scale) + 0.5
            painter.drawLine(QPointF(0, at), QPointF(self.width(), at))


def _multiples(step: float, middle: float, reach: float) -> list[float]:
    first, last = math.ceil((middle - reach) / step), math.floor((middle + reach) / step)
    return [step * n for n in range(first, last + 1)]
