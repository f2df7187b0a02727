"""Rows of the queue: a run that waits for its turn, and one that is being trained."""

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QVBoxLayout

from engine.contract.messages import Progress, RunInfo
from studio.theme.theme import Theme
from studio.view import words
from studio.view.explore.tool import Tool
from studio.view.status import Dot
from studio.view.train.head import COLOURS
from studio.view.widgets.elided import Elided

HEIGHT = 42
GRIP = QSize(14, 14)
BUTTON = QSize(22, 24)


class Row(QFrame):
    """Two lines that can be picked; `opened` by a click or Return."""

    opened = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFixedHeight(HEIGHT)
        self.name, self.detail = Elided("", Qt.TextElideMode.ElideMiddle), Elided("small")
        self.lines = QVBoxLayout()
        self.lines.setSpacing(0)
        self.lines.addWidget(self.name)
        self.lines.addWidget(self.detail)
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(4, 3, 2, 3)
        self.row.setSpacing(6)
        self.row.addLayout(self.lines, 1)
        theme.changed.connect(self.update)

    def say(self, name: str, detail: str, told: str) -> None:
        """Show the two lines; `told` is what a screen reader says."""
        self.name.setText(name)
        self.detail.setText(detail)
        self.setAccessibleName(told)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return looks at the run."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.opened.emit()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """A ground under the cursor, a ring with the focus."""
        tokens = self._theme.tokens
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(QColor(tokens.hover if self.underMouse() else tokens.card))
        painter.setPen(QColor(tokens.accent) if self.hasFocus() else Qt.PenStyle.NoPen)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        painter.end()


class WaitingRow(Row):
    """A run that waits: `moved` by -1 or 1, `taken` out; a problem can be tried `again`."""

    moved = Signal(int)
    taken = Signal()
    again = Signal()

    def __init__(self, theme: Theme, run: str) -> None:
        super().__init__(theme)
        self.run = run
        self._grip = QLabel()
        self.up = Tool(
            theme, "chevron-up", f"Move {run} up", lambda: self.moved.emit(-1), colour="muted"
        )
        self.down = Tool(
            theme, "chevron-down", f"Move {run} down", lambda: self.moved.emit(1), colour="muted"
        )
        self.out = Tool(theme, "x", f"Take {run} out of the queue", self.taken.emit, colour="muted")
        self.retry = Tool(theme, "rotate-ccw", f"Try {run} again", self.again.emit, colour="muted")
        self.up.setToolTip("Earlier (Alt+Up)")
        self.down.setToolTip("Later (Alt+Down)")
        self.out.setToolTip("Take it out of the queue (Delete)")
        self.retry.setToolTip("Try it again when its turn comes")
        self.row.insertWidget(0, self._grip)
        for tool in (self.retry, self.up, self.down, self.out):
            tool.setProperty("role", "inline")
            tool.setFixedSize(BUTTON)
            self.row.addWidget(tool)
        self.row.setSpacing(4)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.setToolTip("Drag it, or Alt+Up and Alt+Down, to change the order")
        theme.changed.connect(self._dress)
        self._dress()

    def show_run(self, info: RunInfo, place: int, count: int, what: str) -> None:
        """Show it at its place, 0: next, among `count`; `what` it will train."""
        problem = f"Could not begin: {info.message}" if info.message else ""
        detail = problem or what
        self.say(info.name, detail, f"{info.name}, {place + 1} of {count} in the queue. {detail}")
        role = "error" if problem else "small"
        if self.detail.property("role") != role:
            self.detail.setProperty("role", role)
            self.detail.style().polish(self.detail)
        self.retry.setVisible(bool(problem))
        self.up.setEnabled(place > 0)
        self.down.setEnabled(place < count - 1)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Alt+Up and Alt+Down move it, Delete takes it out."""
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        if event.key() in steps and event.modifiers() & Qt.KeyboardModifier.AltModifier:
            self.moved.emit(steps[Qt.Key(event.key())])
        elif event.key() == Qt.Key.Key_Delete:
            self.taken.emit()
        else:
            super().keyPressEvent(event)

    def _dress(self) -> None:
        self._grip.setPixmap(self._theme.icon("grip", "muted").pixmap(GRIP))


class TrainingRow(Row):
    """A run that is being trained, with how far it is."""

    def __init__(self, theme: Theme, run: str) -> None:
        super().__init__(theme)
        self.run = run
        self.dot = Dot(theme)
        self.dot.setFixedWidth(GRIP.width())
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1000)
        self.bar.setAccessibleName("Progress")
        self.row.insertWidget(0, self.dot)
        self.row.setSpacing(4)
        self.row.setContentsMargins(4, 3, 10, 3)
        self.lines.addSpacing(2)
        self.lines.addWidget(self.bar)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip("Look at it")

    def show_run(self, info: RunInfo, progress: Progress | None) -> None:
        """Show how it stands."""
        self.dot.show_colour(COLOURS.get(info.state, "muted"))
        parts = [words.STATES[info.state], f"step {info.step:,} of {info.steps:,}"]
        if progress is not None and info.state == "running" and progress.eta >= 0:
            parts.append(f"{words.duration(progress.eta)} left")
        self.say(info.name, " · ".join(parts), f"{info.name}: {', '.join(parts)}")
        self.bar.setValue(round(1000 * info.step / max(1, info.steps)))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A click looks at it."""
        if self.rect().contains(event.position().toPoint()):
            self.opened.emit()
