"""The list of presets that opens below the picker: a line to search by, over rows in sections."""

from typing import Any

from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QKeyEvent
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QFrame,
    QLineEdit,
    QListView,
    QVBoxLayout,
)

from studio.theme.theme import Theme, interface_font
from studio.view.widgets.card import label

SHORT = Qt.ItemDataRole.UserRole + 1  # the title below its section's
WORDS = Qt.ItemDataRole.UserRole + 2  # what a row is found by; of a section, all that it holds
ROWS = 14  # in sight at once
GAP = 6
_MOVES = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)
_Index = QModelIndex | QPersistentModelIndex


class Panel(QFrame):
    """A line to type in, over the rows that hold all its words; `chosen(row)` of the whole list."""

    chosen = Signal(int)

    def __init__(self, owner: QComboBox, theme: Theme) -> None:
        super().__init__()
        self.setProperty("role", "popup")
        self.setAttribute(Qt.WidgetAttribute.WA_NoMouseReplay)  # a click on the box just closes it
        self._owner = owner
        self.search, self.view = QLineEdit(), QListView()
        self.none = label("No preset has these words.", "muted")
        self._found = _Found(owner.model(), theme)
        self.view.setModel(self._found)
        self._lay_out()
        self.search.installEventFilter(self)
        self.search.textChanged.connect(self._look)
        self.view.entered.connect(self._point)
        self.view.clicked.connect(self._take)

    def open(self, text: str, row: int) -> None:
        """Show it under its owner, with `text` typed, else at `row`."""
        # Not within the combo box itself: Qt would dress it as the list of that.
        self.setParent(self._owner.window(), Qt.WindowType.Popup)
        self.search.setText(text)
        self._look(text)
        if not text:
            self._point(self._found.at(row))
        self._place()
        self.show()
        self.search.setFocus()
        self.view.scrollTo(self.view.currentIndex(), QListView.ScrollHint.PositionAtCenter)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The keys that go through rows, take one or close it; all others are typed."""
        if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.KeyPress:
            return super().eventFilter(watched, event)
        if event.key() in _MOVES:
            QApplication.sendEvent(self.view, event)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._take(self.view.currentIndex())
        elif event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
            self.hide()
        else:
            return super().eventFilter(watched, event)
        return True

    def _look(self, text: str) -> None:
        self._found.look(text)
        self.none.setVisible(not self._found.rowCount())
        rows = (self._found.index(row, 0) for row in range(self._found.rowCount()))
        self._point(next((index for index in rows if _is_choice(index)), QModelIndex()))
        self.view.scrollToTop()

    def _point(self, index: QModelIndex) -> None:
        if _is_choice(index) or not index.isValid():
            self.view.setCurrentIndex(index)

    def _take(self, index: QModelIndex) -> None:
        if _is_choice(index):
            self.hide()
            self.chosen.emit(self._found.mapToSource(index).row())

    def _place(self) -> None:
        """Under its owner, or over it where the screen ends."""
        around = self.search.sizeHint().height() + 3 * GAP
        height = around + ROWS * self.view.sizeHintForRow(0)
        self.setFixedSize(self._owner.width(), height)
        below = self._owner.mapToGlobal(QPoint(0, self._owner.height() + 2))
        above = self._owner.mapToGlobal(QPoint(0, -height - 2))
        ends = below.y() + height > self._owner.screen().availableGeometry().bottom()
        self.move(above if ends else below)

    def _lay_out(self) -> None:
        self.search.setPlaceholderText("Search presets")
        self.search.setAccessibleName("Search presets")
        self.search.setClearButtonEnabled(True)
        self.view.setAccessibleName("Presets")
        self.view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.view.setMouseTracking(True)
        self.view.setUniformItemSizes(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(GAP, GAP, GAP, GAP)
        column.setSpacing(GAP)
        for part in (self.search, self.none):
            column.addWidget(part)
        column.addWidget(self.view, 1)


class _Found(QSortFilterProxyModel):
    """The rows that hold all words, and the sections that they stand in; short titles."""

    def __init__(self, source: QAbstractItemModel, theme: Theme) -> None:
        super().__init__(source)
        self._theme, self._words = theme, list[str]()
        self.setSourceModel(source)

    def look(self, text: str) -> None:
        """Show the rows with these words."""
        self.beginFilterChange()
        self._words = text.lower().split()
        self.endFilterChange()

    def at(self, row: int) -> QModelIndex:
        """Where a row of the whole list is."""
        return self.mapFromSource(self.sourceModel().index(row, 0))

    def filterAcceptsRow(self, row: int, parent: _Index) -> bool:
        """Whether it, or something in its section, holds all words."""
        texts: list[str] = self.sourceModel().index(row, 0, parent).data(WORDS)
        return any(all(word in text for word in self._words) for text in texts)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Sections look like titles, and all else leaves its section out."""
        if role == Qt.ItemDataRole.DisplayRole:
            return super().data(index, SHORT)
        if not _is_choice(index) and role == Qt.ItemDataRole.ForegroundRole:
            return QColor(self._theme.tokens.muted)
        if not _is_choice(index) and role == Qt.ItemDataRole.FontRole:
            font = interface_font(11)
            font.setWeight(font.Weight.DemiBold)
            return font
        return super().data(index, role)


def _is_choice(index: _Index) -> bool:
    return bool(index.flags() & Qt.ItemFlag.ItemIsEnabled)
