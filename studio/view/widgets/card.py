"""A card: a rounded panel with a title and a body."""

from PySide6 import QtCore
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

HEAD = 30  # least height of a head, so that titles stand in one line whatever is beside them


class Card(QFrame):
    """A titled panel; put content into `.body`, small controls at the right end of `.head`."""

    def __init__(self, title: str = "", right: QWidget | None = None) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.outer = QVBoxLayout(self)
        self.outer.setContentsMargins(14, 8, 14, 14)
        self.outer.setSpacing(8)
        self.head = head()
        self.title = label(title, "title")
        if title or right:
            self.head.addWidget(self.title)
            self.head.addStretch(1)
            self.outer.addLayout(self.head)
        if right is not None:
            self.head.addWidget(right, 0, QtCore.Qt.AlignmentFlag.AlignVCenter)
        self.body = QVBoxLayout()
        self.body.setSpacing(8)
        self.outer.addLayout(self.body, 1)


def head() -> QHBoxLayout:
    """The row of a title and what belongs to it."""
    made = QHBoxLayout()
    made.setSpacing(8)
    made.addStrut(HEAD)
    return made


def label(text: str = "", role: str = "") -> QLabel:
    """A plain-text label in one of the style sheet's roles (title, muted, small, value, ...)."""
    made = QLabel(text)
    made.setTextFormat(QtCore.Qt.TextFormat.PlainText)
    if role:
        made.setProperty("role", role)
    return made


def rule() -> QFrame:
    """A horizontal line between two parts of a card."""
    made = QFrame()
    made.setProperty("role", "line")
    return made
