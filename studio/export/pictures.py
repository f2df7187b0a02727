"""Pictures as images: one or a grid, enlarged without blurring, with their facts in the PNG."""

import math

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QBuffer, QIODevice, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter

from engine.contract.facts import Facts
from studio.export.files import ExportError

Pictures = NDArray[np.uint8]  # [n, height, width, channels], channels 1 or 3

_MARGIN, _LINE = 8, 16
_PAPER, _INK = "#ffffff", "#1b1f2a"


def square_columns(count: int) -> int:
    """Columns of the squarest grid of `count` pictures."""
    return max(1, math.ceil(math.sqrt(count)))


def grid_array(pictures: Pictures, columns: int, scale: int = 1) -> NDArray[np.uint8]:
    """Lay pictures side by side, row by row: uint8 [rows·h·scale, columns·w·scale, 3].

    Each pixel becomes `scale` x `scale` pixels; places without a picture are white.
    """
    count, height, width, _ = pictures.shape
    rows = -(-count // columns)
    cells = np.full((rows * columns, height, width, 3), 255, np.uint8)
    cells[:count] = pictures
    lain = cells.reshape(rows, columns, height, width, 3).swapaxes(1, 2)
    flat = lain.reshape(rows * height, columns * width, 3)
    return flat.repeat(scale, 0).repeat(scale, 1) if scale > 1 else flat


def in_colour(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture [h, w, 3] of one that may be grey, [h, w, 1]."""
    return pixels if pixels.shape[2] == 3 else pixels.repeat(3, 2)


def as_image(array: NDArray[np.uint8]) -> QImage:
    """An image that owns a copy of uint8 [h, w, 3]."""
    array = np.ascontiguousarray(array)
    height, width, _ = array.shape
    return QImage(array.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def annotated(image: QImage, facts: Facts) -> QImage:
    """The image on paper, with two lines of facts under it; wide enough for them to be read."""
    font = QFont("Inter")
    font.setPixelSize(11)
    font.setFeature(QFont.Tag("tnum"), 1)  # a painter would take it over unmeasured
    metrics = QFontMetricsF(font)
    needed = math.ceil(max(metrics.horizontalAdvance(line) for line in facts.lines()))
    width = max(image.width(), needed) + 2 * _MARGIN
    paper = QImage(width, image.height() + 3 * _MARGIN + 2 * _LINE, QImage.Format.Format_RGB32)
    paper.fill(QColor(_PAPER))
    painter = QPainter(paper)
    painter.drawImage((width - image.width()) // 2, _MARGIN, image)
    painter.setFont(font)
    painter.setPen(QColor(_INK))
    for row, line in enumerate(facts.lines()):
        top = image.height() + 2 * _MARGIN + row * _LINE
        painter.drawText(QRectF(0, top, width, _LINE), Qt.AlignmentFlag.AlignCenter, line)
    painter.end()
    return paper


def png(image: QImage, facts: Facts) -> bytes:
    """The bytes of a PNG that carries every fact as a text chunk. Raises ExportError."""
    for name, text in facts.texts().items():
        image.setText(name, text)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not image.save(buffer, "PNG"):  # type: ignore[call-overload]
        raise ExportError("The picture could not be written as PNG; choose a smaller scale.")
    return bytes(buffer.data().data())
