"""Small buttons with an icon that follows the theme."""

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QToolButton

from studio.theme.theme import Theme
from studio.view.actions import spaced
from studio.view.widgets.tips import plain_tip


class Tool(QToolButton):
    """An icon, with words beside it where `text` is given; `name` is its accessible name."""

    def __init__(
        self,
        theme: Theme,
        picture: str,
        name: str,
        pressed: Callable[[], None],
        text: str = "",
        tip: str = "",
        colour: str = "text",
    ) -> None:
        super().__init__()
        self._theme, self._picture, self._colour = theme, picture, colour
        self.setAccessibleName(name)
        self.setToolTip(plain_tip(tip or name))
        self.setIconSize(QSize(16, 16))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        if text:
            self.say(text)
            self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.clicked.connect(lambda: pressed())
        theme.changed.connect(self._paint_icon)
        self._paint_icon()

    def show_picture(self, picture: str) -> None:
        """Change the icon."""
        if picture != self._picture:
            self._picture = picture
            self._paint_icon()

    def say(self, text: str) -> None:
        """Show words beside the icon."""
        self.setText(spaced(text))

    def _paint_icon(self) -> None:
        self.setIcon(self._theme.icon(self._picture, self._colour))
