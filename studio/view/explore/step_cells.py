"""How one term of a training step looks in a small square: number, point, arrow or picture."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from engine.contract.equations import Shape
from studio.theme.tokens import Tokens, mix

_PICTURE = 1.0  # what is white in a state; a velocity is shown as far as its own spread


class Look(NamedTuple):
    """How the values of one term are shown: what kind of thing it is, and up to which size."""

    shape: Shape
    reach: float


def look_of(shape: Shape, values: NDArray[np.float32]) -> Look:
    """How far `values` reach, all that are to be shown alike: one scale for what is compared.

    Of points' velocities it is that of all but the few largest: these lead out of their squares.
    """
    known = values[np.isfinite(values)]
    if not known.size:
        return Look(shape, 1.0)
    if values.ndim < 3:
        most = np.quantile(np.abs(known), 1.0 if shape == "state" else 0.96)
        return Look(shape, max(1.15 * float(most), 1e-6))
    spread = 2.5 * float(np.sqrt(np.square(known).mean()))
    return Look(shape, _PICTURE if shape == "state" else max(spread, 1e-6))


def draw_cell(
    painter: QPainter, box: QRectF, value: NDArray[np.float32], look: Look, tokens: Tokens
) -> None:
    """Draw one row of a term; what a row does not have is a dash."""
    if not np.isfinite(value).all():
        said = "–" if np.isnan(value).all() else "∞"
        painter.setPen(QColor(tokens.muted))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, said)
    elif value.ndim == 0:
        painter.setPen(QColor(tokens.text))
        beyond = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextDontClip  # four digits after zeros
        painter.drawText(box, beyond, number(float(value)))
    else:
        square = QRectF(0, 0, box.height(), box.height())
        square.moveCenter(box.center())
        if value.ndim == 1:
            _draw_point(painter, square, value, look, tokens)
        else:
            painter.drawImage(square, picture(value, look.reach))


def number(value: float) -> str:
    """Three digits, two where they stand far behind the point."""
    if not math.isfinite(value):
        return "–"
    if 1000 <= abs(value) < 10**5:
        return f"{value:.0f}"
    return f"{value:.3g}" if abs(value) >= 0.1 or not value else f"{value:.2g}"


def picture(value: NDArray[np.float32], reach: float) -> QImage:
    """Values [channels, height, width] from -reach to reach as black to white."""
    shades = np.clip(127.5 * (value / reach + 1), 0, 255).astype(np.uint8).transpose(1, 2, 0)
    if shades.shape[2] == 1:
        shades = shades.repeat(3, axis=2)
    height, width = shades.shape[:2]
    pixels = np.ascontiguousarray(shades[:, :, :3]).tobytes()
    return QImage(pixels, width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def _draw_point(
    painter: QPainter, box: QRectF, value: NDArray[np.float32], look: Look, tokens: Tokens
) -> None:
    """A dot in the plane for a state, an arrow from its middle for a velocity."""
    painter.save()
    painter.setPen(QPen(QColor(tokens.line), 1))
    painter.setBrush(QColor(mix(tokens.card, tokens.field, 0.6)))
    painter.drawRoundedRect(box, 4, 4)
    middle, half = box.center(), box.width() / 2 - 3
    for way in (QPointF(half, 0), QPointF(0, half)):
        painter.drawLine(middle - way, middle + way)
    end = middle + QPointF(float(value[0]), -float(value[1])) * (half / look.reach)
    painter.setClipRect(box)
    colour = QColor(tokens.models[0] if look.shape == "state" else tokens.models[1])
    if look.shape == "velocity":
        painter.setPen(QPen(colour, 1.8))
        painter.drawLine(middle, end)
        _draw_tip(painter, middle, end)
    else:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawEllipse(end, 3.2, 3.2)
    painter.restore()


def _draw_tip(painter: QPainter, start: QPointF, end: QPointF) -> None:
    way = end - start
    length = math.hypot(way.x(), way.y())
    if length < 2:
        return
    back, side = way / length * min(5.0, length), QPointF(-way.y(), way.x()) / length * 3
    for turned in (side, -side):
        painter.drawLine(end, end - back + turned)
