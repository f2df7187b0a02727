"""What befell the run in sight: a count in the head of the curve, and the list behind it."""

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QListWidget, QListWidgetItem, QPushButton

from studio.model.happenings import Happened
from studio.theme.theme import Theme
from studio.view import words
from studio.view.actions import spaced

HEIGHT = 112  # pixels of the list
ICONS = {
    "skipped": ("triangle-alert", "warning"),
    "noticed": ("info", "accent"),
    "back": ("undo-2", "warning"),
    "failed": ("circle-alert", "bad"),
}


class HappenedList(QListWidget):
    """The newest on top; `picked(step)`. Its `chip` opens it, and is not there without events."""

    picked = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._shown: Sequence[Happened] = ()
        self.chip = QPushButton()
        self.chip.setProperty("role", "chip")
        self.chip.setCheckable(True)
        self.chip.setToolTip("What befell it: skipped steps, ways back, notices")
        self.chip.toggled.connect(self.setVisible)
        self.chip.toggled.connect(lambda: self._dress())
        self.chip.hide()
        self.setAccessibleName("What befell the run")
        self.setFixedHeight(HEIGHT)
        self.setIconSize(QSize(16, 16))
        self.setWordWrap(True)
        self.setTextElideMode(Qt.TextElideMode.ElideNone)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.hide()
        self.currentItemChanged.connect(self._pick)
        theme.changed.connect(self._fill)
        theme.changed.connect(self._dress)
        self._dress()

    def show_events(self, happened: Sequence[Happened]) -> None:
        """Show these, oldest first in the sequence."""
        if happened is not self._shown:
            self._shown = happened
            self._fill()

    def _fill(self) -> None:
        self.clear()
        for event in reversed(self._shown):
            about = "" if event.kind in ("skipped", "back") else f"Step {event.step:,}: "
            kept = f" What it was given is kept as bad/{event.file}." if event.file else ""
            icon, colour = ICONS[event.kind]
            item = QListWidgetItem(self._theme.icon(icon, colour), about + event.text + kept)
            item.setData(Qt.ItemDataRole.UserRole, event.step)
            self.addItem(item)
        count = len(self._shown)
        self.chip.setText(spaced(f"{count:,}"))
        self.chip.setAccessibleName(words.plural(count, "event"))
        self.chip.setVisible(count > 0)
        if not count:
            self.chip.setChecked(False)

    def _dress(self) -> None:
        colour = "on_accent" if self.chip.isChecked() else "muted"
        self.chip.setIcon(self._theme.icon("triangle-alert", colour))

    def _pick(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.picked.emit(int(item.data(Qt.ItemDataRole.UserRole)))
