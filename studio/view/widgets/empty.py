"""What stands where nothing is yet: an icon, a few words, and what to do."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from studio.theme.theme import Theme
from studio.view.widgets.card import label


class Empty(QWidget):
    """A calm page in the middle of a card."""

    def __init__(self, theme: Theme, icon_name: str, title: str, text: str) -> None:
        super().__init__()
        self._theme, self._icon_name = theme, icon_name
        self._icon = QLabel()
        self._icon.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.title = label(title, "title")
        self.text = label(text, "muted")
        layout = QVBoxLayout(self)
        layout.setSpacing(5)
        layout.addStretch(1)
        layout.addWidget(self._icon)
        layout.addSpacing(4)
        for line in (self.title, self.text):
            line.setAlignment(Qt.AlignmentFlag.AlignCenter)
            line.setWordWrap(True)
            layout.addWidget(line)
        layout.addStretch(1)
        theme.changed.connect(self._dress)
        self._dress()

    def tell(self, title: str, text: str) -> None:
        """Say something else."""
        self.title.setText(title)
        self.text.setText(text)

    def _dress(self) -> None:
        picture = self._theme.icon(self._icon_name, "muted").pixmap(QSize(24, 24))
        self._icon.setPixmap(picture)
