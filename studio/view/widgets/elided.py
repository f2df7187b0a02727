"""A label that gives way: cut with dots where there is no room, whole in its tooltip.

A tooltip of its own comes after the whole text.
"""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy

from studio.view.widgets.tips import plain_tip


class Elided(QLabel):
    """A one-line label in a role of the style sheet."""

    def __init__(
        self, role: str = "muted", cut: Qt.TextElideMode = Qt.TextElideMode.ElideRight
    ) -> None:
        super().__init__()
        self.tip, self._cut = "", cut
        self.setProperty("role", role)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)

    def minimumSizeHint(self) -> QSize:
        """It may vanish altogether."""
        return QSize(0, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """As much of the text as there is room for."""
        text = self.fontMetrics().elidedText(self.text(), self._cut, self.width())
        whole = self.text() if text != self.text() else ""
        if self.toolTip() != (tip := plain_tip("\n".join(filter(None, (whole, self.tip))))):
            self.setToolTip(tip)
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter, text)
        painter.end()
