"""A choice from a list that the wheel leaves alone while the form scrolls under it."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QPaintEvent, QWheelEvent
from PySide6.QtWidgets import (
    QComboBox,
    QListView,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
)

_INSET = 2  # pixels that a style keeps free beside the text


class Combo(QComboBox):
    """A combo box of (key, title) pairs."""

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(8)
        self.setMaxVisibleItems(16)
        self.setView(QListView(self))  # the view that a style sheet can dress item by item
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._shown: list[tuple[str, str]] = []
        self._short: Callable[[str], str] | None = None

    def shorten(self, short: Callable[[str], str]) -> None:
        """While it is closed show `short(key)` instead of the item's title."""
        self._short = short

    def show_items(self, items: Sequence[tuple[str, str]], key: str) -> None:
        """Show these items with `key` chosen, without telling anybody."""
        with QSignalBlocker(self):
            if list(items) != self._shown:
                self._shown = list(items)
                self.clear()
                for name, title in items:
                    self.addItem(title, name)
            self.setCurrentIndex(self.findData(key))

    def key(self) -> str:
        """The key of the chosen item, "" if none."""
        return str(self.currentData() or "")

    def showPopup(self) -> None:
        """Open the list as wide as its longest title."""
        view = self.view()
        view.setMinimumWidth(max(self.width(), self.widest() + 28))
        super().showPopup()

    def widest(self) -> int:
        """Pixels of the longest title."""
        return self.view().sizeHintForColumn(0)

    def paintEvent(self, event: QPaintEvent) -> None:
        """As Qt paints it, with the short text in it; what has no room ends in dots."""
        if self.currentIndex() < 0:
            super().paintEvent(event)
            return
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        text = self._short(self.key()) if self._short else option.currentText
        kind, part = QStyle.ComplexControl.CC_ComboBox, QStyle.SubControl.SC_ComboBoxEditField
        room = self.style().subControlRect(kind, option, part, self).width() - _INSET
        option.currentText = self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, room)
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Turn only where it has the focus."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()
