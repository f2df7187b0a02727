"""Points of the plane: where they stood, where the model puts them, and where they belong."""

from PySide6.QtCore import QPointF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from engine.contract.plot import LAYERS, Plot, hand_layers
from studio.export.plot import Dots, Lines, Window
from studio.model.companions import Companions
from studio.model.explore_model import ExploreModel
from studio.model.field_model import FieldModel
from studio.theme.theme import Theme
from studio.view.explore.field_layers import field_layers
from studio.view.explore.fresh_trace import FreshTrace
from studio.view.explore.layers import NAMES, layers
from studio.view.explore.plane_hand import PlaneHand, widened
from studio.view.explore.plot_drawing import Plane, PlotDrawing
from studio.view.widgets.framing import framed


class ParticlesPlot(QWidget):
    """Draws what the model holds; `pointed` carries the place under the cursor, or nothing."""

    pointed = Signal(str)

    def __init__(
        self,
        explore: ExploreModel,
        companions: Companions,
        fields: FieldModel,
        fresh: FreshTrace,
        theme: Theme,
    ) -> None:
        super().__init__()
        self._explore, self._companions, self._theme = explore, companions, theme
        self._fields = fields
        self._fresh, self.hand = fresh, PlaneHand(explore)
        self.shown = set(NAMES)
        self.window_of_plane: Window | None = None
        self._drawing: PlotDrawing | None = None
        self._stale = True
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(200, 200)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Particles")
        self.setAccessibleDescription(
            "Drag a point of x_t, or move it by the arrow keys; Escape puts it back."
        )
        explore.states_changed.connect(self._on_answer)
        fresh.changed.connect(self.redraw)
        companions.states_changed.connect(self.redraw)
        fields.changed.connect(self.redraw)
        explore.model_changed.connect(self.reframe)
        theme.changed.connect(self.redraw)

    def sizeHint(self) -> QSize:
        """A square that fits beside the cards."""
        return QSize(560, 560)

    def layers(self) -> list[Dots | Lines]:
        """What is drawn now, from back to front."""
        states = self._explore.states
        if states is None or states.x_s.ndim != 2:
            return []
        others = [other.states for other in self._companions.all]
        tokens = self._theme.tokens
        made = layers(states, self._fresh.trace, self.shown, tokens, others)
        fields = self._fields
        under = field_layers(fields.seen, fields.wanted, "exact" in self.shown, tokens)
        return [*under, *made, *hand_layers(states.source, states.x_t, states.x_s, tokens)]

    @property
    def described(self) -> Plot:
        """What is drawn now, for a command that draws it again."""
        shown, window = {*self.shown, *self._fields.wanted}, self.window_of_plane
        return Plot(
            tuple(layer for layer in LAYERS if layer in shown),
            tuple(other.name for other in self._companions.all),
            (window.x, window.y, window.half) if window else None,
        )

    def show_layer(self, name: str, on: bool) -> None:
        """Switch a layer on or off."""
        (self.shown.add if on else self.shown.discard)(name)
        self.redraw()

    def reframe(self) -> None:
        """Fit the plane to the next answer anew."""
        self.window_of_plane = None
        self._on_answer()

    def redraw(self) -> None:
        """Draw anew at the next paint."""
        self._stale = True
        self.update()

    def picture(self) -> QImage:
        """What is shown, drawn if it is stale."""
        size, ratio = QSizeF(self.size()), self.devicePixelRatioF()
        if self._drawing is None or (self._drawing.size, self._drawing.ratio) != (size, ratio):
            self._drawing, self._stale = PlotDrawing(size, ratio), True
        if self._stale and self.window_of_plane is not None:
            self._drawing.draw(self.layers(), self.window_of_plane, self._theme.tokens)
            self._stale = False
        return self._drawing.image

    def paintEvent(self, event: QPaintEvent) -> None:
        """Raster when stale; else only copy."""
        if self.window_of_plane is None:
            return
        painter = QPainter(self)
        painter.drawImage(QPointF(0, 0), self.picture())
        if self.hasFocus():
            painter.setPen(QPen(QColor(self._theme.tokens.accent), 1))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of the point of x_t that is near; where one place is the source, choose it."""
        if self.window_of_plane is not None and event.button() == Qt.MouseButton.LeftButton:
            self.hand.press(event.position(), self._plane(self.window_of_plane))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell the place; what is held follows."""
        if self.window_of_plane is None:
            return
        plane = self._plane(self.window_of_plane)
        x, y = plane.place(event.position())
        self.pointed.emit(f"{x:.2f}, {y:.2f}")
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.hand.drag(event.position(), plane)
        self.setCursor(self.hand.cursor(event.position(), plane))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self.hand.release()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrow keys move the point that was moved last; every other key belongs to the page."""
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        window = self.window_of_plane
        if window is None or not self.hand.key(Qt.Key(event.key()), shift, window):
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show who has the keys."""
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Show who has the keys."""
        self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Fit the plane to the points."""
        self.reframe()

    def leaveEvent(self, event: object) -> None:
        """No place is pointed at."""
        self.pointed.emit("")

    def _on_answer(self) -> None:
        states = self._explore.states
        if states is None or states.x_s.ndim != 2:
            self.window_of_plane = None
            self.update()
            return
        one = states.source.kind == "sample"  # around which the plane is not to shrink
        frame = widened if one else framed
        self.window_of_plane = frame(self.window_of_plane, states.x_t, states.x_s)
        if (seen := self.window_of_plane) is not None:
            self._fields.look_at((seen.x, seen.y, seen.half))
        self.redraw()

    def _plane(self, window: Window) -> Plane:
        return Plane(QSizeF(self.size()), window)
