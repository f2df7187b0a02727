"""The rail at the left edge: the pages, and at its foot the log, the theme and the shortcuts."""

from PySide6 import QtCore
from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QButtonGroup, QFrame, QToolButton, QVBoxLayout

from studio.theme.theme import Theme

WIDTH = 68


class Rail(QFrame):
    """One button a page; `chosen(index)` when a person picks one."""

    chosen = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._icons: list[tuple[QToolButton, str]] = []
        self._pages = QButtonGroup(self)
        self._pages.setExclusive(True)
        self._pages.idClicked.connect(self.chosen)
        self.setProperty("role", "rail")
        self.setFixedWidth(WIDTH)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(8, 10, 8, 10)
        self._layout.setSpacing(6)
        self._layout.addStretch(1)
        theme.changed.connect(self._dress)

    def add_page(self, title: str, icon_name: str) -> None:
        """Put a page's button under the others."""
        button = QToolButton()
        button.setText(title)
        button.setProperty("role", "rail-item")
        button.setToolButtonStyle(QtCore.Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        button.setIconSize(QSize(20, 20))
        button.setFixedSize(WIDTH - 17, 54)
        button.setCheckable(True)
        button.setAccessibleName(f"{title} page")
        index = len(self._pages.buttons())
        self._pages.addButton(button, index)
        self._icons.append((button, icon_name))
        self._layout.insertWidget(index, button)
        self._dress()

    def add_foot(self, action: QAction) -> None:
        """Put a small button for an action at the foot."""
        button = QToolButton()
        button.setDefaultAction(action)
        button.setProperty("role", "quiet")
        button.setToolButtonStyle(QtCore.Qt.ToolButtonStyle.ToolButtonIconOnly)
        button.setIconSize(QSize(18, 18))
        button.setAccessibleName(action.iconText())
        self._layout.addWidget(button, 0, QtCore.Qt.AlignmentFlag.AlignHCenter)

    def show_page(self, index: int) -> None:
        """Mark a page's button as the open one."""
        self._pages.button(index).setChecked(True)
        self._dress()

    def _dress(self) -> None:
        for button, name in self._icons:
            button.setIcon(self._theme.icon(name, "text" if button.isChecked() else "muted"))
