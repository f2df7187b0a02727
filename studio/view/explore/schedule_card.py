"""The part `Times on the way`: steps as a zig-zag over time, whose times can be dragged."""

from itertools import pairwise

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from studio.model.explore_model import ExploreModel
from studio.model.schedule_model import ScheduleModel
from studio.theme.theme import Theme
from studio.view.explore.tool import Tool
from studio.view.widgets.card import head, label, rule

_LEFT, _RIGHT, _TOP, _BOTTOM = 8.0, 8.0, 8.0, 18.0
_ROW, _ROWS = 14.0, 6  # height of a step, and how many of that height there are at most
_RADIUS, _REACH = 5.0, 12.0
_STEP, _LEAP = 0.01, 0.05
_KEYS = {Qt.Key.Key_Left: 1, Qt.Key.Key_Right: -1}  # to the left is towards data


def landing(s: float, gamma: float) -> float:
    """Where a step that ends at `s` jumps to before a share `gamma` of new noise is added.

    sigma falls to sqrt(1 - gamma^2) of itself (CTM, arXiv 2310.02279, algorithm 3).
    """
    kept = (1 - gamma**2) ** 0.5
    return kept * s / (1 - s + kept * s) if kept else 0.0


class ScheduleStrip(QWidget):
    """A row a step, time from data on the left to noise on the right.

    Full lines are jumps, dashed ones the noise that is added. Drag a handle, or choose one with Up
    and Down and move it with Left and Right (with Shift farther).
    """

    def __init__(self, explore: ExploreModel, schedule: ScheduleModel, theme: Theme) -> None:
        super().__init__()
        self._explore, self._schedule, self._theme = explore, schedule, theme
        self._held = -1  # by the mouse
        self.chosen = 0  # by the keys
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Times on the way")
        explore.times_changed.connect(self.refresh)
        schedule.changed.connect(self.refresh)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """As high as its steps."""
        rows = min(_ROWS, self._explore.steps)
        return QSize(200, round(_TOP + rows * _ROW + _BOTTOM))

    def minimumSizeHint(self) -> QSize:
        """No lower than that: the rows would lie on each other."""
        return self.sizeHint()

    @property
    def times(self) -> list[float]:
        """All times from t to s."""
        t, s = self._explore.t, self._explore.s
        return [t, *(t + share * (s - t) for share in self._schedule.shares), s]

    def place(self, time: float, row: float) -> QPointF:
        """Where a time lies, so many rows down."""
        box = self._box()
        rows = max(1, self._explore.steps)
        return QPointF(box.left() + time * box.width(), box.top() + row / rows * box.height())

    def refresh(self) -> None:
        """Draw anew, say anew."""
        self.updateGeometry()
        self.chosen = min(self.chosen, max(0, len(self._schedule.shares) - 1))
        self.setAccessibleDescription(", ".join(f"{time:.3f}" for time in self.times))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The axis, the zig-zag, the handles."""
        painter, tokens = QPainter(self), self._theme.tokens
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._draw_axis(painter)
        self._draw_way(painter)
        for index, time in enumerate(self.times[1:-1]):
            here = self.hasFocus() and index == self.chosen
            painter.setPen(QPen(QColor(tokens.text if here else tokens.card), 2))
            painter.setBrush(QColor(tokens.accent))
            painter.drawEllipse(self.place(time, index + 1), _RADIUS, _RADIUS)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the nearest handle within reach."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._held = self._under(event.position())
            if self._held >= 0:
                self.chosen = self._held
                self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag it; else show what can be dragged."""
        if self._held >= 0 and event.buttons() & Qt.MouseButton.LeftButton:
            self._move(self._held, event.position().x())
            return
        over = self._under(event.position())
        shape = Qt.CursorShape.ArrowCursor if over < 0 else Qt.CursorShape.SizeHorCursor
        self.setCursor(shape)
        self.setToolTip(f"time {self.times[over + 1]:.3f}" if over >= 0 else "")

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self._held = -1

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Even times again."""
        self._schedule.even()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Choose a handle and move it."""
        key, count = Qt.Key(event.key()), len(self._schedule.shares)
        if key in _KEYS and count:
            far = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            way = _KEYS[key] * (_LEAP if far else _STEP)
            self._schedule.move(self.chosen, self._schedule.shares[self.chosen] + way)
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down) and count:
            step = 1 if key == Qt.Key.Key_Down else -1
            self.chosen = min(max(self.chosen + step, 0), count - 1)
            self.update()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show who has the keys."""
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Show who has the keys."""
        self.update()

    def _draw_axis(self, painter: QPainter) -> None:
        tokens, box = self._theme.tokens, self._box()
        font = painter.font()
        font.setPixelSize(11)
        painter.setFont(font)
        painter.setPen(QPen(QColor(tokens.line), 1))
        painter.drawLine(box.bottomLeft(), box.bottomRight())
        painter.setPen(QColor(tokens.muted))
        under = QRectF(box.left(), box.bottom() + 3, box.width(), 14)
        painter.drawText(under, Qt.AlignmentFlag.AlignLeft, "0 data")
        painter.drawText(under, Qt.AlignmentFlag.AlignRight, "noise 1")

    def _draw_way(self, painter: QPainter) -> None:
        tokens, times, gamma = self._theme.tokens, self.times, self._gamma()
        solid = QPen(QColor(tokens.models[0]), 1.5)
        dashed = QPen(QColor(tokens.muted), 1.2, Qt.PenStyle.DashLine)
        last = len(times) - 2
        for row, (t, s) in enumerate(pairwise(times)):
            share = gamma if row < last or s > 0 else 0.0
            down = landing(s, share) if s <= t else s
            corner = self.place(down, row + 1)
            painter.setPen(solid)
            painter.drawPolyline(QPolygonF([self.place(t, row), corner]))
            if share:
                painter.setPen(dashed)
                painter.drawLine(corner, self.place(s, row + 1))

    def _gamma(self) -> float:
        """The share of noise that is new after each step, as the model takes it."""
        model = self._explore.model
        if self._explore.sampler.keep or (model is not None and model.capability == "endpoint"):
            return 1.0
        return self._explore.sampler.gamma or 0.0

    def _move(self, index: int, x: float) -> None:
        t, s = self._explore.t, self._explore.s
        box = self._box()
        time = (x - box.left()) / box.width()
        if t != s:
            self._schedule.move(index, (time - t) / (s - t))

    def _under(self, place: QPointF) -> int:
        near = [
            ((self.place(time, index + 1) - place).manhattanLength(), index)
            for index, time in enumerate(self.times[1:-1])
        ]
        distance, index = min(near, default=(_REACH + 1, -1))
        return index if distance <= _REACH else -1

    def _box(self) -> QRectF:
        width, height = self.width() - _LEFT - _RIGHT, self.height() - _TOP - _BOTTOM
        return QRectF(_LEFT, _TOP, max(1.0, width), max(1.0, height))


class SchedulePart(QWidget):
    """The strip with its two buttons; hidden where there are no times to set."""

    def __init__(self, explore: ExploreModel, schedule: ScheduleModel, theme: Theme) -> None:
        super().__init__()
        self._explore, self._schedule = explore, schedule
        self.strip = ScheduleStrip(explore, schedule, theme)
        self.said = label("", "small")
        self.said.setWordWrap(True)
        tip = "Search the times of the least distance to data, from noise to data"
        self.search = Tool(theme, "target", "Search the best times", schedule.search, "Search", tip)
        self.even = Tool(
            theme, "rotate-ccw", "Even times", schedule.even, tip="Back to the sampler's own times"
        )
        top = head()
        top.addWidget(label("Times on the way", "title"))
        top.addStretch(1)
        top.addWidget(self.even)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(rule())
        column.addSpacing(4)
        column.addLayout(top)
        column.addWidget(self.strip)
        foot = QHBoxLayout()
        foot.addWidget(self.said, 1)
        foot.addWidget(self.search)
        column.addLayout(foot)
        self.setToolTip(
            "The times between the steps: drag them. Full lines are jumps, dashed ones new noise."
        )
        self._pace = QTimer(self, interval=100, singleShot=True)
        self._pace.timeout.connect(self._show)
        schedule.changed.connect(self._soon)
        self._show()

    def _soon(self) -> None:
        if not self._pace.isActive():
            self._pace.start()

    def _show(self) -> None:
        schedule = self._schedule
        self.setVisible(schedule.editable)
        self.even.setEnabled(bool(self._explore.shares))
        self.search.setVisible(schedule.searchable)
        self.search.say("Stop" if schedule.searching else "Search")
        self.said.setText(schedule.problem or self._words())

    def _words(self) -> str:
        found, schedule = self._schedule.found, self._schedule
        if found is None:
            return ""
        gain = f"sliced {found.first:.4f} → {found.best:.4f}"
        return f"{gain}, try {found.tried} of {found.of}" if schedule.searching else gain
