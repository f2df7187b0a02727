"""The (t, s) pad: one point under the hand says where we stand and where we jump to."""

from itertools import pairwise

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from engine.contract.legality import GRID, is_outside, ladder
from studio.model.explore_model import ExploreModel
from studio.model.map_model import MapModel
from studio.theme.theme import Theme
from studio.view.explore.pad_drawing import draw_ground
from studio.view.explore.pad_geometry import BOTTOM, LEFT, RIGHT, TOP, PadGeometry
from studio.view.explore.times import CORNER, LEAP, STEP, meaning, settled

HANDLE = 8.0  # radius
_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Down: (0, -1),
    Qt.Key.Key_Up: (0, 1),
}


class TimePad(QWidget):
    """Drag, wheel (s; with Shift t), arrow keys (with Shift ten times as far), double click.

    `told` carries one line about the place under the cursor, or about the one that is held.
    """

    told = Signal(str)

    def __init__(self, explore: ExploreModel, maps: MapModel, theme: Theme) -> None:
        super().__init__()
        self._explore, self._maps, self._theme = explore, maps, theme
        self._wanted = 276
        self._ground = QPixmap()
        self._hovered: tuple[float, float] | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setMouseTracking(True)
        self.setMinimumSize(160, 180)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        self.setAccessibleName("Jump from t to s")
        explore.times_changed.connect(self._on_times)
        explore.settings_changed.connect(self.update)
        explore.model_changed.connect(self._on_model)
        maps.changed.connect(self._forget_ground)
        theme.changed.connect(self._forget_ground)
        self._on_times()

    @property
    def geometry_of_times(self) -> PadGeometry:
        """Where the jumps lie in this widget."""
        return PadGeometry.within(self.width(), self.height())

    def sizeHint(self) -> QSize:
        """As high as the square of its width needs."""
        return QSize(self._wanted, self._wanted + round(TOP + BOTTOM - LEFT - RIGHT))

    def want(self, width: int) -> None:
        """Ask for the room of a pad of this width."""
        self._wanted = width
        self.updateGeometry()

    def move_by(self, t: float, s: float) -> None:
        """Move both times by some way, held within the square."""
        explore = self._explore
        explore.set_times(settled(explore.t + t), settled(explore.s + s), at_once=True)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Ground, cross-hair, the single jumps of several steps, handle."""
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._drawn_ground())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        place = self.geometry_of_times.pixel(self._explore.t, self._explore.s)
        self._draw_cross_hair(painter, place)
        self._draw_ladder(painter)
        self._draw_handle(painter, place)
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The ground is drawn anew at its next use."""
        self._forget_ground()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the handle to where the button went down."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._explore.stop_playing()
            self._move_to(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag with the button down; else say what lies under the cursor."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._hovered = None
            self._move_to(event.position())
        elif self.geometry_of_times.square.contains(event.position()):
            self._hovered = self.geometry_of_times.times(event.position())
            self.tell()
        else:
            self._forget_hover()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """The corner of one-step sampling: from noise to data."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._explore.set_times(*CORNER)

    def leaveEvent(self, event: object) -> None:
        """The line speaks of the held point again."""
        self._forget_hover()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Move s, or t with Shift; one notch is one step."""
        turn = event.angleDelta().y() or event.angleDelta().x()
        way = turn / 120 * STEP
        shift = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        self.move_by(*((way, 0.0) if shift else (0.0, way)))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrow keys move; every other key belongs to the page."""
        direction = _ARROWS.get(Qt.Key(event.key()))
        if direction is None:
            super().keyPressEvent(event)
            return
        way = LEAP if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else STEP
        self.move_by(direction[0] * way, direction[1] * way)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show who has the keys."""
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Show who has the keys."""
        self.update()

    def _move_to(self, place: QPointF) -> None:
        t, s = self.geometry_of_times.times(place)
        self._explore.set_times(self._explore.placed(t), self._explore.placed(s), at_once=True)

    def _on_model(self) -> None:
        self._forget_ground()
        self._on_times()

    def _on_times(self) -> None:
        self.tell()
        explore = self._explore
        self.setAccessibleDescription(
            f"t {explore.t:.3f}, s {explore.s:.3f}: {meaning(explore.t, explore.s, explore.model)}"
        )
        self.update()

    def tell(self) -> None:
        """Say again what the place is."""
        t, s = self._hovered or (self._explore.t, self._explore.s)
        where = f"t {t:.2f}, s {s:.2f}: " if self._hovered else ""
        self.told.emit(where + meaning(t, s, self._explore.model))

    def _forget_hover(self) -> None:
        if self._hovered is not None:
            self._hovered = None
            self.tell()

    def _forget_ground(self) -> None:
        self._ground = QPixmap()
        self.update()

    def _drawn_ground(self) -> QPixmap:
        ratio = self.devicePixelRatioF()
        if self._ground.isNull() or self._ground.devicePixelRatio() != ratio:
            self._ground = QPixmap(self.size() * ratio)
            self._ground.setDevicePixelRatio(ratio)
            self._ground.fill(Qt.GlobalColor.transparent)
            painter = QPainter(self._ground)
            painter.setFont(self.font())
            model, field = self._explore.model, self._maps.field
            draw_ground(painter, self.geometry_of_times, self._theme.tokens, model, field)
            painter.end()
        return self._ground

    def _draw_cross_hair(self, painter: QPainter, place: QPointF) -> None:
        square = self.geometry_of_times.square
        pen = QPen(QColor(self._theme.tokens.text), 1, Qt.PenStyle.CustomDashLine)
        pen.setDashPattern([3, 3])
        painter.setPen(pen)
        painter.setOpacity(0.55)
        painter.drawLine(QPointF(square.left(), place.y()), place)
        painter.drawLine(place, QPointF(place.x(), square.bottom()))
        painter.setOpacity(1)

    def _draw_ladder(self, painter: QPainter) -> None:
        """Several steps are several jumps, each at its own place."""
        times = self._passed()
        if not 2 < len(times) <= 65:
            return
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._theme.tokens.accent))
        for t, s in pairwise(times):
            painter.drawEllipse(self.geometry_of_times.pixel(t, s), 2.5, 2.5)

    def _passed(self) -> list[float]:
        """The times between the jumps, of a model that jumps from one to the next."""
        explore, model = self._explore, self._explore.model
        sampler = explore.sampler
        if model is None or sampler.gamma or sampler.keep or sampler.times != "even":
            return []
        if isinstance(times := explore.way.times, tuple):
            return [explore.t, *times, explore.s] if model.capability == "flow map" else []
        if model.capability == "dyadic" and explore.s < explore.t:
            return ladder(explore.t, explore.s, explore.steps, model.grid)
        if model.capability != "flow map":
            return []
        way = (explore.s - explore.t) / explore.steps
        return [explore.t + step * way for step in range(explore.steps + 1)]

    def _draw_handle(self, painter: QPainter, place: QPointF) -> None:
        tokens = self._theme.tokens
        if self.hasFocus():
            painter.setPen(Qt.PenStyle.NoPen)
            halo = QColor(tokens.accent)
            halo.setAlphaF(0.35)
            painter.setBrush(halo)
            painter.drawEllipse(place, HANDLE + 5, HANDLE + 5)
        model = self._explore.model
        capability, grid = (model.capability, model.grid) if model else ("flow map", GRID)
        outside = is_outside(capability, self._explore.t, self._explore.s, grid)
        ring = tokens.text if tokens.name == "dark" else tokens.card
        painter.setPen(QPen(QColor(tokens.warning if outside else ring), 2))
        painter.setBrush(QColor(tokens.card if outside else tokens.accent))
        painter.drawEllipse(QRectF(place.x() - HANDLE, place.y() - HANDLE, 2 * HANDLE, 2 * HANDLE))
