"""The runs that wait, one under the other: dragged, moved by keys, taken out."""

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QApplication, QScrollArea, QWidget

from engine.contract.messages import RunInfo
from studio.theme.theme import Theme
from studio.view.train.queue_row import HEIGHT, WaitingRow

SHOWN = 6  # rows in sight; the others are scrolled to
FEW, LOW = 3, 900  # of them in a window that is not as high as that
GAP = 2
PITCH = HEIGHT + GAP


class QueueList(QScrollArea):
    """`moved(run, place)`, `taken(run)` out, `opened(run)` to be looked at.

    A row stays the same widget while its run waits, so it keeps the focus on its way.
    """

    moved = Signal(str, int)
    taken = Signal(str)
    opened = Signal(str)

    def __init__(self, theme: Theme, what: Callable[[RunInfo], str]) -> None:
        """`what` says what a run is going to train."""
        super().__init__()
        self._theme, self._what = theme, what
        self._rows: dict[str, WaitingRow] = {}
        self._infos: list[RunInfo] = []
        self._pressed: QPoint | None = None  # where in the row that is held
        self._dragged: WaitingRow | None = None
        self._inner = QWidget()
        self.setWidget(self._inner)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName("Runs that wait")

    @property
    def order(self) -> list[str]:
        """The names as they lie there."""
        return [info.name for info in self._infos]

    def row(self, run: str) -> WaitingRow:
        """The row of a run."""
        return self._rows[run]

    def show_runs(self, infos: Sequence[RunInfo]) -> None:
        """Show these in this order; a drag that is under way ends."""
        names = {info.name for info in infos}
        focused = next((n for n, row in self._rows.items() if row.hasFocus()), "")
        at = self.order.index(focused) if focused in self.order else -1
        for name in [n for n in self._rows if n not in names]:
            row = self._rows.pop(name)
            if row is self._dragged:
                self._let_go()
            row.hide()
            row.deleteLater()
        self._infos = list(infos)
        for place, info in enumerate(infos):
            if info.name not in self._rows:
                self._rows[info.name] = self._made(info.name)
            self._rows[info.name].show_run(info, place, len(infos), self._what(info))
        if focused and focused not in names and infos:
            self._rows[infos[min(at, len(infos) - 1)].name].setFocus()
        self.fit()

    def fit(self) -> None:
        """Be as high as the rows in sight; in a low window these are fewer."""
        most = SHOWN if self.window().height() >= LOW else FEW
        self.setFixedHeight(self._height(min(most, len(self._infos))))
        self._lay_out()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Rows are as wide as the list."""
        super().resizeEvent(event)
        self._lay_out()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Press, drag and release of a row; Up and Down go from row to row."""
        if not isinstance(watched, WaitingRow):
            return False
        if isinstance(event, QMouseEvent):
            return self._on_mouse(watched, event)
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            return self._on_key(watched, event)
        return False

    def _on_mouse(self, row: WaitingRow, event: QMouseEvent) -> bool:
        kind, place = event.type(), event.position().toPoint()
        if kind == QEvent.Type.MouseButtonPress and event.button() == Qt.MouseButton.LeftButton:
            self._pressed = place
            row.setFocus()
        elif kind == QEvent.Type.MouseMove and self._pressed is not None:
            far = (place - self._pressed).manhattanLength()
            if self._dragged is row or far >= QApplication.startDragDistance():
                self._drag(row, row.y() + place.y() - self._pressed.y())
        elif kind == QEvent.Type.MouseButtonRelease and self._pressed is not None:
            self._drop(row)
        else:
            return False
        return True

    def _on_key(self, row: WaitingRow, event: QKeyEvent) -> bool:
        if event.key() == Qt.Key.Key_Escape and self._dragged is not None:
            self._let_go()
            self._lay_out()
            return True
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        if event.modifiers() & Qt.KeyboardModifier.AltModifier or event.key() not in steps:
            return False
        place = self.order.index(row.run) + steps[Qt.Key(event.key())]
        if 0 <= place < len(self._infos):
            self._rows[self.order[place]].setFocus()
            self.ensureWidgetVisible(self._rows[self.order[place]], 0, GAP)
        return True

    def _drag(self, row: WaitingRow, y: int) -> None:
        """Hold a row at a height; the others make room."""
        if self._dragged is None:
            self._dragged = row
            row.raise_()
            row.setCursor(Qt.CursorShape.ClosedHandCursor)
        row.move(0, max(0, min(y, self._inner.height() - HEIGHT)))
        self.ensureVisible(0, row.y() + HEIGHT // 2, 0, PITCH)
        self._lay_out()

    def _drop(self, row: WaitingRow) -> None:
        """Where it was dropped is its place; a click that was no drag looks at it."""
        dragged, place, before = self._dragged, self._place(row), self.order.index(row.run)
        self._let_go()
        if dragged is None:
            self.opened.emit(row.run)
        elif place != before:
            self._put(before, place)
            self.moved.emit(row.run, place)
        self._lay_out()

    def _let_go(self) -> None:
        if self._dragged is not None:
            self._dragged.setCursor(Qt.CursorShape.OpenHandCursor)
        self._dragged = self._pressed = None

    def _place(self, row: WaitingRow) -> int:
        return max(0, min(round(row.y() / PITCH), len(self._infos) - 1))

    def _lay_out(self) -> None:
        """Every row at its place, but the one that a hand holds."""
        width = self.viewport().width()
        self._inner.resize(width, self._height(len(self._infos)))
        order = [name for name in self.order if self._rows[name] is not self._dragged]
        if self._dragged is not None:
            order.insert(self._place(self._dragged), self._dragged.run)
        for place, name in enumerate(order):
            row = self._rows[name]
            row.resize(width, HEIGHT)
            if row is not self._dragged:
                row.move(0, place * PITCH)

    def _made(self, run: str) -> WaitingRow:
        row = WaitingRow(self._theme, run)
        row.setParent(self._inner)
        row.installEventFilter(self)
        row.opened.connect(partial(self.opened.emit, run))
        row.taken.connect(partial(self.taken.emit, run))
        row.again.connect(lambda: self.moved.emit(run, self.order.index(run)))
        row.moved.connect(lambda by: self._move(run, by))
        row.show()
        return row

    def _move(self, run: str, by: int) -> None:
        before = self.order.index(run)
        place = before + by
        if 0 <= place < len(self._infos):
            self._put(before, place)
            self.moved.emit(run, place)
            self._lay_out()
            self.ensureVisible(0, place * PITCH + HEIGHT // 2, 0, PITCH)

    def _put(self, before: int, place: int) -> None:
        """Let it lie there until the engine has answered: another key may come before."""
        self._infos.insert(place, self._infos.pop(before))

    def _height(self, rows: int) -> int:
        return max(0, rows * PITCH - GAP)
