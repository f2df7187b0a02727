"""A unit, written small inside the right end of a field."""

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QPainter, QPalette
from PySide6.QtWidgets import QWidget

from studio.theme.theme import interface_font

PIXELS = 11
GAP = 10


class Unit:
    """Paints `text` in a field's placeholder colour; `width` is the room that it needs."""

    def __init__(self, field: QWidget, text: str) -> None:
        self._field, self.text = field, text
        self._font = interface_font(PIXELS)
        self.width = round(len(text) * PIXELS * 0.58) + GAP if text else 0

    def paint(self, rect: QRect) -> None:
        """Right-aligned in `rect`; to be called from the field's own paint event."""
        if not self.text:
            return
        painter = QPainter(self._field)
        painter.setFont(self._font)
        painter.setPen(self._field.palette().color(QPalette.ColorRole.PlaceholderText))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(rect.adjusted(0, 0, -4, 0), right, self.text)
        painter.end()
