"""The particles' plot, drawn in layers onto any image."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen

from studio.export.plot import Dots, Lines, Window
from studio.theme.tokens import Tokens, mix
from studio.view.widgets.framing import grid_step
from studio.view.widgets.raster import Raster, disc, ring

_FAR = np.float32(1e9)  # what lies further must not overflow
_NOWHERE = np.empty((0, 2), np.float32)
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
        self._grid: tuple[Window, Tokens, QImage] | None = None  # as it was drawn last
        self._kept: dict[str, tuple[Dots | Lines, Window, QImage]] = {}  # and the layers

    def draw(self, layers: Sequence[Dots | Lines], window: Window, tokens: Tokens) -> QImage:
        """The plot in `self.image`, on a transparent ground."""
        plane = Plane(self.size, window)
        painter = QPainter(self.image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        painter.drawImage(QPointF(0, 0), self._drawn_grid(plane, tokens))
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)
        for layer in layers:
            self._draw_layer(painter, plane, layer)
        painter.end()
        named = {layer.name for layer in layers}
        self._kept = {name: kept for name, kept in self._kept.items() if name in named}
        return self.image

    def _draw_layer(self, painter: QPainter, plane: Plane, layer: Dots | Lines) -> None:
        """Draw a layer, or what is kept of it: jumps, paths and companions come each for itself."""
        colour = QColor(layer.colour)
        colour.setAlphaF(layer.opacity)
        if isinstance(layer, Dots) and not layer.hollow and len(layer.places) > _CLOUD:
            self._density.draw_density(plane.pixels(layer.places), colour)
            painter.drawImage(QPointF(0, 0), self._density.image)
            return
        kept = self._kept.get(layer.name)
        if kept is None or kept[1] != plane.window or not _alike(kept[0], layer):
            if isinstance(layer, Lines):
                image = self._lines(plane, layer, colour)
            else:
                image = self._dots(plane, layer, colour)
            kept = self._kept[layer.name] = layer, plane.window, image
        painter.drawImage(QPointF(0, 0), kept[2])

    def _dots(self, plane: Plane, layer: Dots, colour: QColor) -> QImage:
        places, radius = plane.pixels(layer.places, self.ratio), layer.radius * self.ratio
        stamp = ring(radius, 1.1 * self.ratio) if layer.hollow else disc(radius)
        self._raster.draw(places, stamp, colour)
        return self._raster.image.copy()

    def _lines(self, plane: Plane, layer: Lines, colour: QColor) -> QImage:
        """All lines as one stroke: where they cross they are no darker."""
        places = plane.pixels(layer.places)
        stroke = QPainterPath()
        for line in places[:, np.isfinite(places).all((0, 2))].swapaxes(0, 1).tolist():
            stroke.addPolygon([QPointF(x, y) for x, y in line])
        image, painter = self._blank()
        painter.strokePath(stroke, QPen(colour, layer.width))
        painter.end()
        return image

    def _drawn_grid(self, plane: Plane, tokens: Tokens) -> QImage:
        """The grid, which stands while points move."""
        if self._grid is None or self._grid[:2] != (plane.window, tokens):
            image, painter = self._blank()
            draw_grid(painter, plane, tokens)
            painter.end()
            self._grid = plane.window, tokens, image
        return self._grid[2]

    def _blank(self) -> tuple[QImage, QPainter]:
        """A transparent image of the plot's size, and a painter on it."""
        image = QImage(self.image.size(), self.image.format())
        image.setDevicePixelRatio(self.ratio)
        image.fill(0)
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        return image, painter


def _alike(one: Dots | Lines, other: Dots | Lines) -> bool:
    """Whether two layers look alike: of the same array, not of one with the same numbers."""
    if type(one) is not type(other) or one.places is not other.places:
        return False
    return replace(one, places=_NOWHERE) == replace(other, places=_NOWHERE)


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
