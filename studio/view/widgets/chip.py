"""A chip: one of some choices that stand side by side."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton


def chip(text: str, tip: str) -> QPushButton:
    """A button that stays down; who makes it says what it excludes."""
    made = QPushButton(text)
    made.setProperty("role", "chip")
    made.setCheckable(True)
    made.setAutoDefault(False)  # in a dialog Enter is not its
    made.setToolTip(tip)
    made.setCursor(Qt.CursorShape.PointingHandCursor)
    return made
