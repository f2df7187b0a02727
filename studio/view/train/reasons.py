"""Why training cannot start: every reason in one list, each a way to the field it is about."""

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from engine.contract.specs import Problem
from studio.theme.theme import Theme
from studio.view.widgets.card import label

MOST = 4  # reasons shown; the rest are counted


class Reasons(QFrame):
    """A list of problems; `chosen(key)` when one of them is clicked."""

    chosen = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._shown: list[Problem] = []
        self.setProperty("role", "note")
        self.setAccessibleName("Why training cannot start")
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(6, 6, 6, 6)
        self._layout.setSpacing(2)
        self.hide()
        theme.changed.connect(self._fill_again)

    def show_problems(self, problems: Sequence[Problem]) -> None:
        """Show these; nothing at all where there are none."""
        if list(problems) != self._shown:
            self._fill(list(problems))

    def texts(self) -> list[str]:
        """What is shown."""
        return [p.message for p in self._shown]

    def _fill_again(self) -> None:
        self._fill(self._shown)

    def _fill(self, problems: list[Problem]) -> None:
        self._shown = problems
        while item := self._layout.takeAt(0):
            if widget := item.widget():
                widget.hide()
                widget.deleteLater()
        for problem in problems[:MOST]:
            self._layout.addWidget(self._line(problem))
        if len(problems) > MOST:
            self._layout.addWidget(label(f"and {len(problems) - MOST} more", "small"))
        self.setVisible(bool(problems))

    def _line(self, problem: Problem) -> QWidget:
        line = Sentence(problem.message, self._theme)
        line.setEnabled(bool(problem.key))
        line.clicked.connect(lambda: self.chosen.emit(problem.key))
        return line


class Sentence(QAbstractButton):
    """A sentence that wraps, and can be clicked."""

    def __init__(self, text: str, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setAccessibleName(text)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        mark = QLabel()
        mark.setPixmap(theme.icon("circle-alert", "bad").pixmap(QSize(14, 14)))
        words = label(text, "small")
        words.setWordWrap(True)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(5, 3, 5, 3)
        self._row.setSpacing(7)
        self._row.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        self._row.addWidget(words, 1)

    def sizeHint(self) -> QSize:
        """As large as the words."""
        return self._row.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        """A frame while it has the focus or the cursor is on it."""
        if self.hasFocus() or self.underMouse():
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            tokens = self._theme.tokens
            painter.setPen(QColor(tokens.accent if self.hasFocus() else tokens.line))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
            painter.end()
