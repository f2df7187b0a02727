"""Noise between four seeds: a square with a seed at each corner and a handle between them."""

import math
import random
from collections.abc import Callable
from functools import partial

from msgspec.structs import replace
from PySide6.QtCore import QPointF, QRectF, QSignalBlocker, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QHideEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QSpinBox, QWidget

from engine.contract.source import Mix
from studio.model.sources import SEEDS
from studio.theme.theme import Theme
from studio.theme.tokens import mix as mixed
from studio.view.explore.time_row import without_buttons
from studio.view.explore.tool import Tool

SIDE = 100
RANDOM = 1_000_000  # random seeds lie below: a number that can be told to somebody
MIDDLE = (0.5, 0.5)
_MARGIN, _HANDLE = 9.0, 7.0
_STEP, _LEAP = 0.02, 0.1
_TICK, _ROUND, _REACH = 33, 12.0, 0.4  # ms a frame, seconds around, radius of the way
_CORNERS = ("top left", "top right", "bottom left", "bottom right")
_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


class SeedPad(QWidget):
    """Drag, arrow keys (with Shift further), double click for the middle: `moved(x, y)`."""

    moved = Signal(float, float)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.place = MIDDLE
        self.setFixedSize(QSize(SIDE, SIDE))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setAccessibleName("Noise between four seeds")
        self.setToolTip("Drag, or use the arrow keys: the noise is the slerp between the corners.")
        theme.changed.connect(self.update)
        self.show_place(*MIDDLE)

    def show_place(self, x: float, y: float) -> None:
        """Show the handle here."""
        self.place = (x, y)
        self.setAccessibleDescription(f"{100 * x:.0f} % across, {100 * y:.0f} % down")
        self.update()

    def move_to(self, x: float, y: float) -> None:
        """Ask for another place, held within the square."""
        x, y = (round(min(max(way, 0.0), 1.0), 3) for way in (x, y))
        if (x, y) != self.place:
            self.moved.emit(x, y)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the handle here."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._take(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._take(event.position())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """As much of each."""
        self.move_to(*MIDDLE)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrow keys move; every other key belongs to the page."""
        way = _ARROWS.get(Qt.Key(event.key()))
        if way is None:
            super().keyPressEvent(event)
            return
        far = _LEAP if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else _STEP
        self.move_to(self.place[0] + way[0] * far, self.place[1] + way[1] * far)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show who has the keys."""
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Show who has the keys."""
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The square, a dot in each corner as large as its share, the handle."""
        tokens, square = self._theme.tokens, self._square
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(tokens.line), 1))
        painter.setBrush(QColor(tokens.field))
        painter.drawRoundedRect(square, 4, 4)
        handle = self._pixel(*self.place)
        for x, y in ((0, 0), (1, 0), (0, 1), (1, 1)):
            share = _share(x, self.place[0]) * _share(y, self.place[1])
            corner, colour = self._pixel(x, y), mixed(tokens.line, tokens.accent, share)
            painter.setPen(QPen(QColor(colour), 1 + 1.5 * share))
            painter.drawLine(corner, handle)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colour))
            painter.drawEllipse(corner, 2.5 + 3.5 * share, 2.5 + 3.5 * share)
        if self.hasFocus():
            halo = QColor(tokens.accent)
            halo.setAlphaF(0.35)
            painter.setBrush(halo)
            painter.drawEllipse(handle, _HANDLE + 4, _HANDLE + 4)
        painter.setPen(QPen(QColor(tokens.text if tokens.name == "dark" else tokens.card), 2))
        painter.setBrush(QColor(tokens.accent))
        painter.drawEllipse(handle, _HANDLE, _HANDLE)
        painter.end()

    @property
    def _square(self) -> QRectF:
        return QRectF(self.rect()).adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)

    def _pixel(self, x: float, y: float) -> QPointF:
        square = self._square
        return QPointF(square.left() + x * square.width(), square.top() + y * square.height())

    def _take(self, pixel: QPointF) -> None:
        square = self._square
        self.move_to(
            (pixel.x() - square.left()) / square.width(),
            (pixel.y() - square.top()) / square.height(),
        )


class BlendForm(QWidget):
    """The pad, a box for the seed of each corner, dice, and a stroll around the middle."""

    def __init__(
        self, theme: Theme, chosen: Callable[[Mix], None], throw: Callable[[], None]
    ) -> None:
        """`chosen` takes every new mix; `throw` is what the dice do."""
        super().__init__()
        self._chosen = chosen
        self.mix = Mix((0, 1, 2, 3), *MIDDLE)
        self.pad = SeedPad(theme)
        self.pad.moved.connect(self._move)
        self.corners = [self._corner(k, name) for k, name in enumerate(_CORNERS)]
        self.dice = Tool(theme, "dice-5", "Four new seeds", throw, tip="Four new seeds (R)")
        tip = "Stroll between the four"
        self.stroll = Tool(theme, "play", tip, self.toggle, tip=tip)
        self._timer = QTimer(self, interval=_TICK)
        self._timer.timeout.connect(self._tick)
        self._angle = 0.0
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(4)
        grid.setVerticalSpacing(0)
        grid.addWidget(self.pad, 0, 1, 3, 1)
        centre = Qt.AlignmentFlag.AlignCenter
        for place, corner in enumerate(self.corners):
            grid.addWidget(corner, 2 * (place // 2), 2 * (place % 2))
        grid.addWidget(self.stroll, 1, 0, centre)
        grid.addWidget(self.dice, 1, 2, centre)

    def show_mix(self, mix: Mix) -> None:
        """Show what the model holds."""
        self.mix = mix
        self.pad.show_place(mix.x, mix.y)
        for corner, seed in zip(self.corners, mix.seeds, strict=True):
            with QSignalBlocker(corner):
                corner.setValue(seed)

    def thrown(self) -> Mix:
        """The same place between four other seeds."""
        return replace(self.mix, seeds=tuple(random.randrange(RANDOM) for _ in _CORNERS))

    def toggle(self) -> None:
        """Stroll around the middle, or stay."""
        if self._timer.isActive():
            self._stay()
            return
        x, y = self.pad.place
        self._angle = math.atan2(y - MIDDLE[1], x - MIDDLE[0])
        self._timer.start()
        self.stroll.show_picture("pause")

    def hideEvent(self, event: QHideEvent) -> None:
        """Nothing strolls unseen."""
        self._stay()

    def _stay(self) -> None:
        self._timer.stop()
        self.stroll.show_picture("play")

    def _tick(self) -> None:
        self._angle += 2 * math.pi * _TICK / 1000 / _ROUND
        x, y = (MIDDLE[k] + _REACH * way(self._angle) for k, way in enumerate((math.cos, math.sin)))
        self._chosen(replace(self.mix, x=round(x, 3), y=round(y, 3)))

    def _move(self, x: float, y: float) -> None:
        self._stay()
        self._chosen(replace(self.mix, x=x, y=y))

    def _corner(self, place: int, name: str) -> QSpinBox:
        box = QSpinBox()
        box.setRange(0, SEEDS)
        box.setKeyboardTracking(False)
        box.setMinimumWidth(60)
        box.setAccessibleName(f"Seed {name}")
        box.setToolTip(f"The seed of the corner {name}")
        box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        box.valueChanged.connect(partial(self._reseed, place))
        without_buttons(box)
        return box

    def _reseed(self, place: int, seed: int) -> None:
        seeds = tuple(seed if k == place else old for k, old in enumerate(self.mix.seeds))
        self._chosen(replace(self.mix, seeds=seeds))


def _share(corner: int, way: float) -> float:
    """The part of the variance that comes from a side: the square of a slerp's weight."""
    return math.sin(math.pi / 2 * (way if corner else 1 - way)) ** 2
