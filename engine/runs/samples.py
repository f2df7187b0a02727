"""Previews on disk: a grid of pictures as PNG, points as NPY."""

import io
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from engine.contract.files import write_whole
from engine.runs.errors import RunError, disk_sentence
from engine.runs.folder import RunFolder

_COLUMNS = 8


def save_preview(folder: RunFolder, step: int, samples: NDArray[Any]) -> str:
    """Write the preview of `step` and return its file's name. Raises RunError.

    `samples`: float32 [n, 2], or uint8 [n, h, w, c], which become a grid, row by row; the PNG's
    text `tile` ("16x16", width first) and `count` tell how to cut it.
    """
    points = samples.ndim == 2
    name = f"{step:06d}.{'npy' if points else 'png'}"
    content = _points(samples) if points else grid_png(samples)
    try:
        write_whole(folder.samples / name, content, durable=False)
    except OSError as error:
        raise RunError(disk_sentence("write a preview to", folder.samples, error)) from error
    return name


def _points(samples: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, samples.astype("<f4"))
    return buffer.getvalue()


def grid_png(samples: NDArray[Any]) -> bytes:
    """A PNG of pictures, uint8 [n, h, w, c], side by side, 8 in a row where there are up to 64."""
    """Pictures, uint8 [n, h, w, c], side by side as the bytes of one PNG."""
    count, height, width, channels = samples.shape
    columns = _COLUMNS if count <= _COLUMNS**2 else math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    tiles = np.zeros((rows * columns, height, width, channels), np.uint8)
    tiles[:count] = samples
    grid = tiles.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    image = Image.fromarray(grid.reshape(rows * height, columns * width, channels).squeeze())
    text = PngImagePlugin.PngInfo()
    text.add_text("tile", f"{width}x{height}")
    text.add_text("count", str(count))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=text)
    return buffer.getvalue()
