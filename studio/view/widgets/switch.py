"""A switch: on or off, with a knob that slides."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton

from studio.theme.theme import Theme
from studio.theme.tokens import faded


class Switch(QAbstractButton):
    """A checkable button that looks like a switch; the knob carries a tick while it is on."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setCheckable(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Room for the track and the focus ring."""
        return QSize(38, 24)

    def minimumSizeHint(self) -> QSize:
        """It never shrinks."""
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Track, knob, focus ring."""
        tokens, on = self._theme.tokens, self.isChecked()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        track = QRectF(2, (self.height() - 18) / 2, 34, 18)
        painter.setPen(QPen(QColor(tokens.accent if on or self.hasFocus() else tokens.line), 1.2))
        painter.setBrush(QColor(tokens.accent if on else tokens.field))
        painter.drawRoundedRect(track, 9, 9)
        if self.hasFocus() and on:
            painter.setPen(QPen(QColor(tokens.text), 1.2))
            painter.drawRoundedRect(track, 9, 9)
        knob = QPointF(track.right() - 9 if on else track.left() + 9, track.center().y())
        painter.setPen(Qt.PenStyle.NoPen)
        colour = tokens.on_accent if on else tokens.muted
        painter.setBrush(QColor(colour if self.isEnabled() else faded(tokens)))
        painter.drawEllipse(knob, 5.5, 5.5)
        painter.end()
