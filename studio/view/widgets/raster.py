"""Many small marks as an image, by numpy: thousands of discs or rings in a millisecond.

A mark is a stamp of coverage, made beforehand at quarter-pixel offsets. Where marks of a layer
overlap the greater coverage wins, so a layer is as opaque as its colour and no more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor, QImage

_PHASES = 4  # stamps a pixel and axis
_CHUNK = 1 << 15  # stamp pixels at once: what a core's cache holds
_SINGLE = 0.5  # coverage of one point in a density


@dataclass(frozen=True, eq=False)
class Stamp:
    """Coverage of 0 to 255: `shades` [phases², pixels] at `rows`, `columns` from the top left."""

    side: int
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    shades: NDArray[np.int64]


@lru_cache(maxsize=64)
def disc(radius: float) -> Stamp:
    """A filled circle with a soft edge."""
    return _stamp(radius, lambda away: radius + 0.5 - away)


@lru_cache(maxsize=64)
def ring(radius: float, width: float) -> Stamp:
    """A circle's line with soft edges."""
    return _stamp(radius + width / 2, lambda away: width / 2 + 0.5 - np.abs(away - radius))


def _stamp(reach: float, cover: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Stamp:
    side = int(np.ceil(2 * reach + 1)) + 1
    phase = (np.arange(_PHASES) + 0.5) / _PHASES
    away = np.arange(side) + 0.5 - side / 2 - phase[:, None]  # [phase, pixel]
    far = np.hypot(away[:, None, :, None], away[None, :, None, :])  # phases y, x; pixels y, x
    shades = np.round(255 * np.clip(cover(far), 0, 1)).reshape(_PHASES**2, side * side)
    used = np.flatnonzero(shades.max(0) > 0)
    rows, columns = np.divmod(used, side)
    return Stamp(side, rows, columns, shades[:, used].astype(np.int64))


class Raster:
    """One layer at a time, in an image of `width` x `height` pixels."""

    def __init__(self, width: int, height: int, room: int = 48) -> None:
        """`room` pixels around the image take the stamps that cross its border."""
        self.width, self.height, self._room = width, height, room
        self._stride = width + 2 * room
        self._argb = np.zeros(self._stride * (height + 2 * room), np.uint32)
        visible = self._argb[room * self._stride + room :]
        kind = QImage.Format.Format_ARGB32_Premultiplied
        self.image = QImage(visible.data, width, height, 4 * self._stride, kind)

    def draw(self, places: NDArray[np.float32], stamp: Stamp, colour: QColor) -> None:
        """Put a stamp at each place [n, 2] (pixels), instead of what was there."""
        self._argb.fill(0)
        x, y = self._inside(places, stamp.side)
        column, row = x.astype(np.int64), y.astype(np.int64)
        across, down = (x - column) * _PHASES, (y - row) * _PHASES
        phase = down.astype(np.int64) * _PHASES + across.astype(np.int64)
        first = row * self._stride + column
        offsets = stamp.rows * self._stride + stamp.columns
        shades = shades_of(colour)[stamp.shades]
        size = max(1, _CHUNK // len(offsets))
        for start in range(0, len(first), size):
            pixels = (first[start : start + size, None] + offsets).ravel()
            np.maximum.at(self._argb, pixels, shades[phase[start : start + size]].ravel())

    def draw_density(self, places: NDArray[np.float32], colour: QColor) -> None:
        """Colour each pixel by how many places [n, 2] lie in it, instead of what was there."""
        x, y = self._inside(places, 0)
        pixels = y.astype(np.int64) * self._stride + x.astype(np.int64)
        counts = np.bincount(pixels, minlength=len(self._argb))
        cover = np.round(255 * (1 - (1 - _SINGLE) ** np.arange(9))).astype(np.int64)
        np.take(shades_of(colour)[cover], counts, out=self._argb, mode="clip")

    def _inside(
        self, places: NDArray[np.float32], side: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """x and y of the top left corner of the marks that reach the image."""
        corner = np.float32(self._room - side / 2)
        x, y = places[:, 0] + corner, places[:, 1] + corner
        right, bottom = self.width + 2 * self._room - side, self.height + 2 * self._room - side
        inside = (x >= 0) & (x < right) & (y >= 0) & (y < bottom)  # False for NaN
        return (x, y) if inside.all() else (x[inside], y[inside])


def shades_of(colour: QColor) -> NDArray[np.uint32]:
    """The colour at coverages of 0 to 255, as premultiplied ARGB: it rises with the coverage."""
    return _shades((colour.red(), colour.green(), colour.blue()), colour.alphaF())


@lru_cache(maxsize=32)
def _shades(rgb: tuple[int, int, int], opacity: float) -> NDArray[np.uint32]:
    alpha = np.arange(256) * opacity
    red, green, blue = (np.round(part * alpha / 255) for part in rgb)
    return (np.round(alpha) * 2**24 + red * 2**16 + green * 2**8 + blue).astype(np.uint32)
