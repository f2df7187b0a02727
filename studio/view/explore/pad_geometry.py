"""Where a jump (t, s) lies on the pad."""

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPolygonF

from studio.view.explore.times import settled

LEFT, TOP, RIGHT, BOTTOM = 26.0, 10.0, 12.0, 24.0  # room for the names of the axes and the handle


@dataclass(frozen=True)
class PadGeometry:
    """A square with t to the right and s upwards, both from 0 to 1."""

    left: float
    top: float
    side: float

    @classmethod
    def within(cls, width: float, height: float) -> "PadGeometry":
        """The largest square with its margins in a widget of this size."""
        side = max(1.0, min(width - LEFT - RIGHT, height - TOP - BOTTOM))
        return cls(LEFT + (width - LEFT - RIGHT - side) / 2, TOP, side)

    @property
    def square(self) -> QRectF:
        """The whole square."""
        return QRectF(self.left, self.top, self.side, self.side)

    def pixel(self, t: float, s: float) -> QPointF:
        """The place of a jump in the widget's pixels."""
        return QPointF(self.left + t * self.side, self.top + (1 - s) * self.side)

    def times(self, place: QPointF) -> tuple[float, float]:
        """The jump at a place, moved into the square and onto three decimals."""
        t = (place.x() - self.left) / self.side
        return settled(t), settled(1 - (place.y() - self.top) / self.side)

    def triangle(self, trained: bool) -> QPolygonF:
        """The half with s <= t, or the other one."""
        corner = (1, 0) if trained else (0, 1)
        return QPolygonF([self.pixel(0, 0), self.pixel(1, 1), self.pixel(*corner)])
