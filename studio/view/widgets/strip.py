"""A line under the head of a page: how something stands, and what can be done about it."""

from collections.abc import Callable

from PySide6 import QtCore
from PySide6.QtCore import QSize
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from studio.theme.theme import Theme
from studio.view.widgets.card import label
from studio.view.widgets.notice import LEVELS

PROGRESS = 160  # pixels
GAP = 10  # above it


class Strip(QWidget):
    """A sentence with a small line under it, a progress bar and buttons; takes no room when clear.

    Its parts stay while its words change, so that a countdown does not flicker.
    """

    def __init__(self, theme: Theme, name: str) -> None:
        super().__init__()
        self._theme, self._level = theme, "info"
        self.setAccessibleName(name)
        frame = QFrame()
        frame.setProperty("role", "note")
        gap = QVBoxLayout(self)
        gap.setContentsMargins(0, GAP, 0, 0)
        gap.addWidget(frame)
        self._icon = QLabel()
        self.text, self.detail = label(), label("", "small")
        for words in (self.text, self.detail):
            words.setWordWrap(True)
            words.setTextInteractionFlags(QtCore.Qt.TextInteractionFlag.TextSelectableByMouse)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setFixedWidth(PROGRESS)
        self.progress.setAccessibleName("Progress")
        lines = QVBoxLayout()
        lines.setSpacing(1)
        lines.addWidget(self.text)
        lines.addWidget(self.detail)
        self._row = QHBoxLayout(frame)
        self._row.setContentsMargins(12, 8, 8, 8)
        self._row.setSpacing(10)
        self._row.addWidget(self._icon)
        self._row.addLayout(lines, 1)
        self._row.addWidget(self.progress)
        theme.changed.connect(self._dress)
        self.clear()

    def add(self, text: str, tip: str, act: Callable[[], object]) -> QPushButton:
        """A button at the right end, hidden until it is shown."""
        button = QPushButton(text)
        button.setToolTip(tip)
        button.setAccessibleDescription(tip)
        button.clicked.connect(lambda: act())
        button.hide()
        self._row.addWidget(button)
        return button

    def tell(self, text: str, detail: str = "", level: str = "info") -> None:
        """Show a sentence and its small line."""
        self.text.setText(text)
        self.detail.setText(detail)
        self.detail.setVisible(bool(detail))
        self.setAccessibleDescription(f"{text} {detail}".strip())
        if level != self._level or self._icon.pixmap().isNull():
            self._level = level
            self._dress()
        self.show()

    def show_share(self, done: int, total: int) -> None:
        """How far it is; a bar that only moves while that is not known."""
        self.progress.setRange(0, max(0, total))
        self.progress.setValue(done)
        self.progress.show()

    def clear(self) -> None:
        """Show nothing."""
        self.hide()
        self.progress.hide()

    def _dress(self) -> None:
        name, colour = LEVELS[self._level]
        self._icon.setPixmap(self._theme.icon(name, colour).pixmap(QSize(18, 18)))
