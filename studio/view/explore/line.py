"""One line of text that changes often: it is cut with dots, and moves nothing around it."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from studio.theme.theme import Theme
from studio.view.widgets.tips import plain_tip


class Line(QWidget):
    """A label in muted text that takes the width it is given."""

    def __init__(self, name: str, theme: Theme) -> None:
        super().__init__()
        self._theme, self._text = theme, ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(name)
        theme.changed.connect(self.update)

    def text(self) -> str:
        """What it says."""
        return self._text

    def set_text(self, text: str) -> None:
        """Say something else."""
        if text != self._text:
            self._text = text
            self.setAccessibleDescription(text)
            cut = self.fontMetrics().horizontalAdvance(text) > self.width()
            self.setToolTip(plain_tip(text) if cut else "")
            self.update()

    def sizeHint(self) -> QSize:
        """One line, as wide as there is room."""
        return QSize(80, self.fontMetrics().height() + 2)

    def minimumSizeHint(self) -> QSize:
        """It can be as narrow as need be."""
        return QSize(0, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """As much of the text as there is room for."""
        painter = QPainter(self)
        painter.setPen(QColor(self._theme.tokens.muted))
        mode = Qt.TextElideMode.ElideRight
        text = painter.fontMetrics().elidedText(self._text, mode, self.width())
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter, text)
        painter.end()
