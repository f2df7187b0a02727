"""A sentence inside the window, with what can be done about it; never in the way."""

from collections.abc import Callable, Sequence

from PySide6 import QtCore
from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout

from studio.theme.theme import Theme
from studio.view.widgets.card import label

Answer = tuple[str, Callable[[], object]]
LEVELS = {
    "info": ("info", "accent"),
    "warning": ("triangle-alert", "warning"),
    "error": ("circle-alert", "bad"),
}


class Notice(QFrame):
    """One sentence with an icon, answers as buttons and a cross; `left` when it goes."""

    left = Signal()

    def __init__(
        self, theme: Theme, text: str, level: str = "info", answers: Sequence[Answer] = ()
    ) -> None:
        super().__init__()
        self._theme, self._level = theme, level
        self.setProperty("role", "note")
        self.setAccessibleName(text)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 8, 8, 8)
        layout.setSpacing(10)
        self._icon = QLabel()
        self.text = label(text)
        self.text.setWordWrap(True)
        self.text.setTextInteractionFlags(QtCore.Qt.TextInteractionFlag.TextSelectableByMouse)
        self.buttons = [self._button(*answer) for answer in answers]
        self._cross = QToolButton()
        self._cross.setProperty("role", "quiet")
        self._cross.setAccessibleName("Dismiss")
        self._cross.setIconSize(QSize(16, 16))
        self._cross.clicked.connect(self.leave)
        layout.addWidget(self._icon)
        layout.addWidget(self.text, 1)
        for button in self.buttons:
            layout.addWidget(button)
        layout.addWidget(self._cross)
        theme.changed.connect(self._dress)
        self._dress()

    def leave(self) -> None:
        """Go away."""
        self.left.emit()
        self.hide()
        self.deleteLater()

    def _button(self, text: str, act: Callable[[], object]) -> QPushButton:
        button = QPushButton(text)
        button.clicked.connect(self.leave)
        button.clicked.connect(lambda: act())
        return button

    def _dress(self) -> None:
        name, colour = LEVELS[self._level]
        self._icon.setPixmap(self._theme.icon(name, colour).pixmap(QSize(18, 18)))
        self._cross.setIcon(self._theme.icon("x", "muted"))


class Notices(QFrame):
    """A stack of notices; one of each `key` at a time."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._shown: dict[str, Notice] = {}
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(12, 10, 12, 0)
        self._layout.setSpacing(6)
        self.hide()

    def tell(
        self, text: str, level: str = "info", key: str = "", answers: Sequence[Answer] = ()
    ) -> Notice:
        """Show a sentence, in place of an older one of the same key."""
        key = key or text
        self.take_back(key)
        notice = Notice(self._theme, text, level, answers)
        notice.left.connect(lambda: self._gone(key, notice))
        self._shown[key] = notice
        self._layout.addWidget(notice)
        self.show()
        return notice

    def take_back(self, key: str) -> None:
        """Remove the notice of this key, if there is one."""
        if key in self._shown:
            self._shown[key].leave()

    def texts(self) -> dict[str, str]:
        """What stands there, by key."""
        return {key: notice.text.text() for key, notice in self._shown.items()}

    def _gone(self, key: str, notice: Notice) -> None:
        if self._shown.get(key) is notice:
            del self._shown[key]
        self.setVisible(bool(self._shown))
