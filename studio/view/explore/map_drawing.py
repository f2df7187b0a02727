"""A map over (t, s) as colours on the pad's ground; a training's loss with where it trains."""

import math

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPainterPath, QPen

from engine.contract.catalogue import Capability
from studio.model.map_field import Field
from studio.theme.scales import colours
from studio.theme.tokens import Tokens, mix
from studio.view.explore.pad_geometry import PadGeometry

_DOT = 0.3  # radius of the largest dot, as a share of a place
_LEAST = 0.7  # pixels of the radius of the smallest


def draw_map(
    painter: QPainter, place: PadGeometry, field: Field, capability: Capability, tokens: Tokens
) -> None:
    """Fill each place that is known, within the half that the model was trained for.

    Of a training's loss the places where it never trained are hatched, and dots say how often it
    trains in the others: their area is the share of the samples.
    """
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setPen(Qt.PenStyle.NoPen)
    half = QPainterPath()
    if capability in ("flow map", "dyadic"):
        half.addPolygon(place.triangle(trained=True))
        half.closeSubpath()
    else:
        half.addRect(place.square)
    painter.setClipPath(half)
    if field.share is not None:
        painter.fillRect(place.square, QColor(tokens.card))
        hatch = QColor(mix(tokens.muted, tokens.card, 0.6))
        painter.fillRect(place.square, QBrush(hatch, Qt.BrushStyle.BDiagPattern))
    most, known = field.most or 1.0, ~np.isnan(field.values)
    shades = colours(np.nan_to_num(field.values[known] / most, posinf=1.0))
    # Rounded edges, so that no line shows between two places.
    reach = field.size / 2
    for (t, s), shade in zip(field.cells[known], shades, strict=True):
        low, high = place.pixel(t - reach, s + reach), place.pixel(t + reach, s - reach)
        painter.fillRect(_whole(low, high), QColor(*map(int, shade)))
    painter.restore()
    if field.share is not None:
        _draw_dots(painter, place, field.cells, field.share, field.size)


def _draw_dots(
    painter: QPainter,
    place: PadGeometry,
    cells: NDArray[np.float64],
    share: NDArray[np.float32],
    size: float,
) -> None:
    """White with a dark rim: one of both is seen on every colour of the scale."""
    painter.save()
    painter.setBrush(QColor(255, 255, 255))
    painter.setPen(QPen(QColor(0, 0, 0, 150), 0.8))
    most, largest = float(share.max()) or 1.0, _DOT * size * place.side
    for (t, s), part in zip(cells[share > 0], share[share > 0], strict=True):
        radius = max(_LEAST, largest * math.sqrt(float(part) / most))
        painter.drawEllipse(place.pixel(t, s), radius, radius)
    painter.restore()


def _whole(low: QPointF, high: QPointF) -> QRectF:
    left, top, right, bottom = map(_edge, (low.x(), low.y(), high.x(), high.y()))
    return QRectF(left, top, right - left, bottom - top)


def _edge(place: float) -> int:
    """The same for two places that computed it, though one is off by a rounding error."""
    return math.floor(place + 0.5 + 1e-6)
