"""A map over (t, s) as a sheet: colours, scale, axes, and the sentences of what it measures."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.contract.catalogue import Capability
from engine.contract.maps import MapInfo
from engine.contract.scales import VIRIDIS, colours
from engine.exchange.canvas import Canvas, Raster, Svg, wrapped
from engine.exchange.palette import Palette

_LEFT, _TOP, _SIDE = 66.0, 78.0, 560.0  # of the square
_WIDTH, _MARGIN = 760.0, 24.0
_BAR = 16.0  # width of the scale
_SMALL, _ROW = 12.0, 18.0
_STRIP = 0.06  # height of the row that a model of endpoints has
_SIZES = 6  # of dots
_HATCH = 22.0  # between two lines of what is not measured


class Measured(NamedTuple):
    """`values` [k], mean squares or their roots, at the places `cells` [k, 2] with sides of `size`.

    `share` [k], where there is one, says how much of a training lies in each place.
    """

    cells: NDArray[np.float64]
    values: NDArray[np.float32]
    size: float
    capability: Capability
    share: NDArray[np.float32] | None = None

    @property
    def most(self) -> float:
        """The largest finite value, 0 where there is none."""
        finite = self.values[np.isfinite(self.values)]
        return float(finite.max(initial=0.0))


class Words(NamedTuple):
    """What a sheet says: of which map, of which model, further sentences, in which unit."""

    info: MapInfo
    model: str
    more: tuple[str, ...] = ()
    unit: str = "root mean square"


def map_sheet(found: Measured, words: Words, look: Palette, svg: bool, scale: float = 1) -> Canvas:
    """The sheet, as SVG or as pixels."""
    room = (_WIDTH - 2 * _MARGIN) * (0.86 if svg else 1.0)  # an SVG may find another font
    said = (f"{words.info.meaning} {words.info.zero}", *words.more)
    lines = [line for part in said for line in wrapped(part, _SMALL, room)]
    height = _TOP + _SIDE + 62 + _ROW * len(lines) + 10
    canvas: Canvas = (
        Svg(_WIDTH, height, look.card) if svg else Raster(_WIDTH, height, look.card, scale)
    )
    canvas.text(_MARGIN, 28, words.info.title, look.text, 18, bold=True)
    canvas.text(_MARGIN, 52, words.model, look.muted, _SMALL)
    if found.share is not None:
        canvas.lines(_hatch(-1.0), look.line)
    _draw_cells(canvas, found)
    if found.share is not None:
        _draw_share(canvas, found, found.share, look)
    _draw_outside(canvas, found.capability, look)
    _draw_axes(canvas, look)
    _draw_scale(canvas, found.most, words.unit, look)
    for row, line in enumerate(lines):
        canvas.text(_MARGIN, _TOP + _SIDE + 64 + _ROW * row, line, look.muted, _SMALL)
    return canvas


def _place(t: float, s: float) -> tuple[float, float]:
    return _LEFT + t * _SIDE, _TOP + (1 - s) * _SIDE


def _draw_cells(canvas: Canvas, found: Measured) -> None:
    reach = found.size / 2
    shares = np.nan_to_num(found.values / (found.most or 1.0), nan=1.0, posinf=1.0)
    for (t, s), shade in zip(found.cells.tolist(), colours(shares), strict=True):
        low, high = (s - reach, s + reach) if found.capability != "endpoint" else (0.0, _STRIP)
        left, top = _place(max(0.0, t - reach), min(1.0, high))
        right, bottom = _place(min(1.0, t + reach), max(0.0, low))
        colour = "#" + bytes(shade).hex()
        canvas.rect(left, top, right - left, bottom - top, colour)


def _draw_outside(canvas: Canvas, capability: Capability, look: Palette) -> None:
    """Cover what reaches over the diagonal, and hatch what is not measured."""
    if capability == "endpoint":
        canvas.lines(_hatch(-1.0, _STRIP), look.line)
    else:
        corners = [_place(0, 0), _place(1, 1), _place(0, 1)]
        canvas.polygon(np.array(corners), look.card)
        canvas.lines(_hatch(0.0), look.line)
    canvas.lines([np.array([_place(0, 0), _place(1, 1)])], look.muted, 1.2)


def _hatch(least: float, floor: float = 0.0) -> list[NDArray[np.float64]]:
    """Lines s = t + offset with offsets above `least`, within the square and above `floor`."""
    lines = []
    for k in range(1, int(2 * _SIDE / _HATCH)):
        offset = k * _HATCH / _SIDE - 1
        start, end = max(0.0, floor - offset), min(1.0, 1.0 - offset)
        if start < end and offset > least + 1e-9:
            lines.append(np.array([_place(start, start + offset), _place(end, end + offset)]))
    return lines


def _draw_share(canvas: Canvas, found: Measured, share: NDArray[np.float32], look: Palette) -> None:
    """A dot in each place, the larger the more often it is trained, in a few sizes."""
    whole = found.size * _SIDE / 4
    sizes = np.ceil(_SIZES * np.sqrt(share / share.max()))
    places = np.array([_place(t, s) for t, s in found.cells.tolist()])
    for size in np.unique(sizes):
        canvas.dots(places[sizes == size], whole * size / _SIZES, look.card, 0.55)


def _draw_axes(canvas: Canvas, look: Palette) -> None:
    corners = [_place(*c) for c in ((0, 0), (1, 0), (1, 1), (0, 1), (0, 0))]
    canvas.lines([np.array(corners)], look.line)
    ticks = []
    for share in (0, 0.25, 0.5, 0.75, 1):
        (x, low), (left, y) = _place(share, 0), _place(0, share)
        ticks += [np.array([[x, low], [x, low + 5]]), np.array([[left - 5, y], [left, y]])]
        canvas.text(x, low + 15, f"{share:g}", look.muted, _SMALL, "middle")
        canvas.text(left - 10, y, f"{share:g}", look.muted, _SMALL, "right")
    canvas.lines(ticks, look.muted)
    middle = _place(0.5, 0)
    words = "t, where we stand (0 data, 1 noise)"
    canvas.text(middle[0], middle[1] + 36, words, look.text, _SMALL, "middle")
    canvas.text(
        _LEFT - 42,
        _place(0, 0.5)[1],
        "s, where we jump to",
        look.text,
        _SMALL,
        "middle",
        upwards=True,
    )


def _draw_scale(canvas: Canvas, most: float, unit: str, look: Palette) -> None:
    left, part = _LEFT + _SIDE + 28, _SIDE / len(VIRIDIS)
    for k, colour in enumerate(VIRIDIS[::-1]):
        canvas.rect(left, _TOP + k * part, _BAR, part, "#" + bytes(colour).hex())
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = _TOP + (1 - share) * _SIDE
        canvas.text(left + _BAR + 8, y, f"{share * most:.3g}", look.muted, _SMALL)
    right = left + _BAR + 58
    canvas.text(right, _TOP + _SIDE / 2, unit, look.muted, _SMALL, "middle", upwards=True)
