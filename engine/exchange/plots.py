"""Points of the plane as a plot: its layers, from back to front, over a grid."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.contract.plot import Dots, Lines
from engine.exchange.canvas import Canvas
from engine.exchange.palette import Palette, mix

Points = NDArray[np.float32]  # [n, 2]
SIDE = 600.0  # of a plot, in its own units
TRAILS = 48  # ways that are drawn
_TAIL = 0.004  # share of the points on each side that may lie outside
_ROOM = 1.1  # around the others
_FAR = 1e9  # what lies further is an accident


class Window(NamedTuple):
    """The square of the plane that is shown: its middle and half of its side."""

    x: float
    y: float
    half: float

    def units(self, places: NDArray[np.floating]) -> NDArray[np.float64]:
        """Places [..., 2] of the plane in the plot's units, y downwards."""
        unit = SIDE / (2 * self.half)
        return (places.astype(float) - (self.x, self.y)) * (unit, -unit) + SIDE / 2


def window_of(clouds: Sequence[Points]) -> Window:
    """A square around nearly all points of every cloud."""
    some = np.concatenate(clouds).astype(float)
    some = some[np.isfinite(some).all(1)].clip(-_FAR, _FAR)
    if not len(some):
        return Window(0.0, 0.0, 1.0)
    low, high = np.quantile(some, (_TAIL, 1 - _TAIL), axis=0)
    half = _ROOM * float((high - low).max()) / 2 or 1.0
    x, y = (low + high) / 2
    return Window(float(x), float(y), half)


def draw_layers(
    canvas: Canvas,
    window: Window,
    look: Palette,
    layers: Sequence[Dots | Lines],
    mark: float = 1.0,
) -> None:
    """Draw a grid in the upper square of a canvas, and the layers with `mark` times their sizes."""
    _draw_grid(canvas, window, look)
    for layer in layers:
        places = window.units(layer.places)
        if isinstance(layer, Lines):
            canvas.lines([*places.swapaxes(0, 1)], layer.colour, mark * layer.width, layer.opacity)
        else:
            draw = canvas.rings if layer.hollow else canvas.dots
            draw(places, mark * layer.radius, layer.colour, layer.opacity)


def _draw_grid(canvas: Canvas, window: Window, look: Palette) -> None:
    """Faint lines at round numbers, with their numbers at the left and the lower edge."""
    step = _step(window.half)
    lines, ink = [], mix(look.muted, look.card, 0.35)
    for axis, middle in enumerate((window.x, window.y)):
        first, last = math.ceil((middle - window.half) / step), (middle + window.half) / step
        for k in range(first, math.floor(last) + 1):
            at = float(window.units(np.array([k * step, k * step]))[axis])
            ends = np.array([[at, 0.0], [at, SIDE]])
            lines.append(ends if axis == 0 else ends[:, ::-1])
            words = f"{round(k * step, 10):g}"
            if axis == 0:
                canvas.text(at + 4, SIDE - 9, words, ink, 10)
            elif 20 < at < SIDE - 20:
                canvas.text(4, at - 8, words, ink, 10)
    canvas.lines(lines, mix(look.line, look.card, 0.35))


def _step(half: float) -> float:
    """Distance between grid lines: five to ten of them across the window."""
    power = 10.0 ** math.floor(math.log10(half / 2))
    return max(power * nice for nice in (1, 2, 5) if power * nice <= half / 2)
