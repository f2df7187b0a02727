"""The list of shortcuts, laid over the window; Escape or a click closes it."""

from collections.abc import Iterable

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import (
    QAction,
    QColor,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from studio.theme.theme import Theme
from studio.view.actions import bare
from studio.view.widgets.card import Card, label


class Shortcuts(QWidget):
    """Covers its window while shown; built anew each time, so pages may have come or gone."""

    def __init__(self, theme: Theme, window: QWidget) -> None:
        super().__init__(window)
        self._theme, self._window = theme, window
        self.setObjectName("shortcuts")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Shortcuts; Escape closes them")
        self._outer = QVBoxLayout(self)
        self._card: Card | None = None
        window.installEventFilter(self)
        self.hide()

    def toggle(self, groups: Iterable[tuple[str, list[QAction]]]) -> None:
        """Show the shortcuts of these groups, or hide them."""
        if self.isVisible():
            self.hide()
            return
        if self._card is not None:
            self._card.deleteLater()
        self._card = _card(groups)
        self._outer.addWidget(self._card, 0, Qt.AlignmentFlag.AlignCenter)
        self.resize(self._window.size())
        self.show()
        self.raise_()
        self.setFocus()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Dim what lies under."""
        painter = QPainter(self)
        shade = QColor(self._theme.tokens.background)
        shade.setAlpha(200)
        painter.fillRect(self.rect(), shade)
        painter.end()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape closes."""
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click closes."""
        self.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the window's size."""
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self.resize(self._window.size())
        return super().eventFilter(watched, event)


def _card(groups: Iterable[tuple[str, list[QAction]]]) -> Card:
    card = Card("Shortcuts", label("Esc closes", "small"))
    columns = QHBoxLayout()
    columns.setSpacing(40)
    sides = (QVBoxLayout(), QVBoxLayout())
    filled = [0, 0]
    for title, actions in groups:
        shown = [a for a in actions if a.shortcuts()]
        if shown:
            side = filled.index(min(filled))
            filled[side] += len(shown) + 2
            sides[side].addLayout(_group(title, shown))
    for column in sides:
        column.setSpacing(16)
        column.addStretch(1)
        columns.addLayout(column)
    card.outer.setContentsMargins(24, 18, 24, 20)
    card.body.addLayout(columns)
    return card


def _group(title: str, actions: list[QAction]) -> QGridLayout:
    grid = QGridLayout()
    grid.setVerticalSpacing(5)
    grid.setHorizontalSpacing(28)
    grid.setColumnStretch(0, 1)
    grid.setColumnMinimumWidth(0, 190)
    grid.addWidget(label(title, "title"), 0, 0)
    for row, action in enumerate(actions, 1):
        grid.addWidget(label(bare(action.text())), row, 0)
        grid.addWidget(label(keys_of(action), "muted"), row, 1, Qt.AlignmentFlag.AlignRight)
    return grid


def keys_of(action: QAction) -> str:
    """Its shortcut as the platform writes it."""
    return action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
