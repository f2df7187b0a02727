"""The log: what the engine and the window had to say, to read and to copy."""

import time

from PySide6.QtCore import QSize
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QToolButton, QVBoxLayout

from studio.theme.theme import Theme
from studio.view.widgets.card import label

LINES = 1000


class LogPanel(QFrame):
    """A panel of dated lines; the newest is in sight unless a person scrolled away."""

    def __init__(self, theme: Theme, toggle: QAction) -> None:
        super().__init__()
        self._theme = theme
        self.setProperty("role", "panel")
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setMaximumBlockCount(LINES)
        self.text.setAccessibleName("Log")
        self.text.setPlaceholderText("Nothing was said yet.")
        self._copy = self._tool("Copy the log", self.copy)
        self._cross = self._tool("Close the log", toggle.trigger)
        head = QHBoxLayout()
        head.addWidget(label("Log", "title"))
        head.addStretch(1)
        head.addWidget(self._copy)
        head.addWidget(self._cross)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 8, 12, 10)
        layout.setSpacing(6)
        layout.addLayout(head)
        layout.addWidget(self.text, 1)
        theme.changed.connect(self._dress)
        self._dress()

    def add(self, level: str, text: str) -> None:
        """Add a line with the time of day and the level in words."""
        said = text if level == "info" else f"{level}: {text}"
        self.text.appendPlainText(f"{time.strftime('%H:%M:%S')}  {said}")

    def copy(self) -> None:
        """Put the whole log on the clipboard."""
        QGuiApplication.clipboard().setText(self.text.toPlainText())

    def _tool(self, name: str, act: object) -> QToolButton:
        button = QToolButton()
        button.setProperty("role", "quiet")
        button.setAccessibleName(name)
        button.setToolTip(name)
        button.setIconSize(QSize(16, 16))
        button.clicked.connect(act)
        return button

    def _dress(self) -> None:
        self._copy.setIcon(self._theme.icon("clipboard-copy", "muted"))
        self._cross.setIcon(self._theme.icon("x", "muted"))
