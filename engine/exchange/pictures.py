"""Pictures as a grid, enlarged without blur, and the line of words under a drawing."""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import ImageColor

from engine.exchange.canvas import Raster, width_of
from engine.exchange.palette import Palette

Pictures = NDArray[np.uint8]  # [n, height, width, channels], channels 1 or 3
LINE = 18  # height of a line of words, in pixels
_SIZE, _MARGIN = 12.0, 8


def square_columns(count: int) -> int:
    """Columns of the squarest grid of `count` pictures."""
    return max(1, math.ceil(math.sqrt(count)))


def grid(
    pictures: Pictures, scale: int = 1, paper: str = "#ffffff", columns: int = 0
) -> NDArray[np.uint8]:
    """Pictures side by side, row by row: uint8 [rows h scale, columns w scale, 3].

    Each pixel becomes `scale` x `scale` pixels; places without a picture are of `paper`. 0 columns
    make the squarest grid.
    """
    count, height, width, _ = pictures.shape
    columns = columns or square_columns(count)
    rows = -(-count // columns)
    cells = np.empty((rows * columns, height, width, 3), np.uint8)
    cells[:] = ImageColor.getrgb(paper)[:3]
    cells[:count] = pictures
    lain = cells.reshape(rows, columns, height, width, 3).swapaxes(1, 2)
    flat = lain.reshape(rows * height, columns * width, 3)
    return flat.repeat(scale, 0).repeat(scale, 1)


def fitting_scale(pictures: Pictures, side: int) -> int:
    """How often to enlarge so that the longer side of the grid is at most `side`, once at least."""
    count, height, width, _ = pictures.shape
    columns = square_columns(count)
    return max(1, side // max(columns * width, -(-count // columns) * height))


def on_paper(
    pixels: NDArray[np.uint8], lines: tuple[str, ...], look: Palette, least: int = 0
) -> Raster:
    """Pixels uint8 [h, w, 3] with lines of words under them, on paper that is wide enough.

    It is `least` pixels wide, or as wide as the pixels or the words need.
    """
    height, width, _ = pixels.shape
    under = _MARGIN + LINE * len(lines) if lines else 0
    whole = max(width, least, words_width(lines))
    made = Raster(whole, height + under, look.card)
    made.picture((whole - width) // 2, 0, pixels)
    for row, line in enumerate(lines):
        y = height + _MARGIN / 2 + LINE * (row + 0.5)
        made.text(whole / 2, y, line, look.text, _SIZE, "middle")
    return made


def words_width(lines: tuple[str, ...]) -> int:
    """The width that lines of words under a picture need, 0 without any."""
    return max((math.ceil(width_of(line, _SIZE)) + 2 * _MARGIN for line in lines), default=0)
