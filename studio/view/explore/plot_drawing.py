"""The particles' plot, drawn in layers onto any image."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from studio.export.plot import Dots, Lines, Window
from studio.theme.tokens import Tokens, mix
from studio.view.widgets.framing import grid_step
from studio.view.widgets.raster import Raster, along, disc, ring

_FAR = np.float32(1e9)  # what lies further must not overflow
_CLOUD = 20_000  # more marks than this are shown as a density


class Plane:
    """Places of the plane in logical pixels: equal on both axes, y upwards."""

    def __init__(self, size: QSizeF, window: Window) -> None:
        self.size, self.window = size, window
        self.unit = min(size.width(), size.height()) / (2 * window.half)
        self._left = size.width() / 2 - window.x * self.unit
        self._top = size.height() / 2 + window.y * self.unit

    def pixels(self, places: NDArray[np.float32], ratio: float = 1.0) -> NDArray[np.float32]:
        """Places [..., 2] in device pixels."""
        moved = np.empty((2, *places.shape[:-1]), np.float32)  # each axis in one piece: faster
        places = places.clip(-_FAR, _FAR)
        np.multiply(places[..., 0], np.float32(self.unit * ratio), out=moved[0])
        np.multiply(places[..., 1], np.float32(-self.unit * ratio), out=moved[1])
        moved[0] += np.float32(self._left * ratio)
        moved[1] += np.float32(self._top * ratio)
        return np.moveaxis(moved, 0, -1)

    def place(self, pixel: QPointF) -> tuple[float, float]:
        """The place under a logical pixel."""
        return (pixel.x() - self._left) / self.unit, (self._top - pixel.y()) / self.unit


class PlotDrawing:
    """Draws plots of one size, with buffers that are kept between frames."""

    def __init__(self, size: QSizeF, ratio: float) -> None:
        self.size, self.ratio = size, ratio
        width, height = round(size.width() * ratio), round(size.height() * ratio)
        self.image = QImage(width, height, QImage.Format.Format_ARGB32_Premultiplied)
        self.image.setDevicePixelRatio(ratio)
        self._raster = Raster(width, height)
        self._raster.image.setDevicePixelRatio(ratio)
        self._density = Raster(round(size.width()), round(size.height()))  # logical pixels

    def draw(self, layers: Sequence[Dots | Lines], window: Window, tokens: Tokens) -> QImage:
        """The plot in `self.image`, on a transparent ground."""
        plane = Plane(self.size, window)
        self.image.fill(0)
        painter = QPainter(self.image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        draw_grid(painter, plane, tokens)
        for layer in layers:
            self._draw_layer(painter, plane, layer)
        painter.end()
        return self.image

    def _draw_layer(self, painter: QPainter, plane: Plane, layer: Dots | Lines) -> None:
        colour = QColor(layer.colour)
        colour.setAlphaF(layer.opacity)
        if isinstance(layer, Dots) and not layer.hollow and len(layer.places) > _CLOUD:
            self._density.draw_density(plane.pixels(layer.places), colour)
            painter.drawImage(QPointF(0, 0), self._density.image)
            return
        places = plane.pixels(layer.places, self.ratio)
        if isinstance(layer, Lines):
            self._raster.draw(along(places), disc(layer.width * self.ratio / 2), colour)
        elif layer.hollow:
            self._raster.draw(places, ring(layer.radius * self.ratio, 1.1 * self.ratio), colour)
        else:
            self._raster.draw(places, disc(layer.radius * self.ratio), colour)
        painter.drawImage(QPointF(0, 0), self._raster.image)


def draw_grid(painter: QPainter, plane: Plane, tokens: Tokens) -> None:
    """Faint lines at round numbers, with their numbers at the left and the lower edge."""
    width, height = plane.size.width(), plane.size.height()
    step = grid_step(plane.window.half)
    font = painter.font()
    font.setPixelSize(10)
    painter.setFont(font)
    left, top = plane.place(QPointF(0, 0))
    right, bottom = plane.place(QPointF(width, height))
    line = QPen(QColor(mix(tokens.line, tokens.card, 0.35)), 1)
    ink = QColor(mix(tokens.muted, tokens.card, 0.35))
    for number in _multiples(left, right, step):
        x = round((number - left) * plane.unit) + 0.5
        painter.setPen(line)
        painter.drawLine(QPointF(x, 0), QPointF(x, height))
        painter.setPen(ink)
        box = QRectF(x + 4, height - 16, 60, 12)
        painter.drawText(box, Qt.AlignmentFlag.AlignLeft, f"{number:g}")
    for number in _multiples(bottom, top, step):
        y = round((top - number) * plane.unit) + 0.5
        painter.setPen(line)
        painter.drawLine(QPointF(0, y), QPointF(width, y))
        if y < 20 or y > height - 20:
            continue  # no room, or the other axis's numbers are there
        painter.setPen(ink)
        painter.drawText(QRectF(4, y - 13, 60, 12), Qt.AlignmentFlag.AlignLeft, f"{number:g}")


def _multiples(low: float, high: float, step: float) -> list[float]:
    first, last = int(np.ceil(low / step)), int(np.floor(high / step))
    return [round(number * step, 10) for number in range(first, last + 1)]
