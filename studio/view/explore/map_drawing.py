"""A map over (t, s) as colours on the pad's ground."""

import math

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath

from engine.contract.catalogue import Capability
from studio.model.map_model import Field
from studio.theme.scales import colours
from studio.view.explore.pad_geometry import PadGeometry


def draw_map(painter: QPainter, place: PadGeometry, field: Field, capability: Capability) -> None:
    """Fill each place that is known, within the half that the model was trained for."""
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
    most, known = field.most or 1.0, ~np.isnan(field.values)
    shades = colours(np.nan_to_num(field.values[known] / most, posinf=1.0))
    # Rounded edges, so that no line shows between two places.
    reach = field.size / 2
    for (t, s), shade in zip(field.cells[known], shades, strict=True):
        low, high = place.pixel(t - reach, s + reach), place.pixel(t + reach, s - reach)
        painter.fillRect(_whole(low, high), QColor(*map(int, shade)))
    painter.restore()


def _whole(low: QPointF, high: QPointF) -> QRectF:
    left, top, right, bottom = map(_edge, (low.x(), low.y(), high.x(), high.y()))
    return QRectF(left, top, right - left, bottom - top)


def _edge(place: float) -> int:
    """The same for two places that computed it, though one is off by a rounding error."""
    return math.floor(place + 0.5 + 1e-6)
