"""Previews as they lie on disk, turned into what can be drawn."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage


def pictures(png: bytes) -> NDArray[np.uint8]:
    """The pictures of a grid, uint8 [n, height, width, 3]; the whole image where it is not cut.

    The PNG's texts `tile` ("16x16", width first) and `count` say how to cut it. Raises ValueError
    for what is no picture.
    """
    image = QImage.fromData(png)
    if image.isNull():
        raise ValueError("not a picture")
    pixels = _pixels(image)
    width, height = tile(image)
    rows, columns = pixels.shape[0] // height, pixels.shape[1] // width
    cut = pixels[: rows * height, : columns * width].reshape(rows, height, columns, width, 3)
    found = cut.swapaxes(1, 2).reshape(rows * columns, height, width, 3)
    count = image.text("count")
    return np.ascontiguousarray(found[: int(count)] if count.isdigit() else found)


def _pixels(image: QImage) -> NDArray[np.uint8]:
    rgb = image.convertToFormat(QImage.Format.Format_RGB888)
    flat = np.frombuffer(rgb.constBits(), np.uint8).reshape(rgb.height(), rgb.bytesPerLine())
    return flat[:, : 3 * rgb.width()].reshape(rgb.height(), rgb.width(), 3).copy()


def tile(image: QImage) -> tuple[int, int]:
    """Width and height of one picture of a grid, those of the image where it does not say."""
    width, _, height = image.text("tile").partition("x")
    if width.isdigit() and height.isdigit() and int(width) and int(height):
        return min(int(width), image.width()), min(int(height), image.height())
    return image.width(), image.height()
