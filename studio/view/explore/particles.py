"""Points of the plane: where they stood, where the model puts them, and where they belong."""

from PySide6.QtCore import QPointF, QSize, QSizeF, Signal
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from studio.export.plot import Dots, Lines, Window
from studio.model.companions import Companions
from studio.model.explore_model import ExploreModel
from studio.theme.theme import Theme
from studio.view.explore.fresh_trace import FreshTrace
from studio.view.explore.layers import NAMES, layers
from studio.view.explore.plot_drawing import Plane, PlotDrawing
from studio.view.widgets.framing import framed


class ParticlesPlot(QWidget):
    """Draws what the model holds; `pointed` carries the place under the cursor, or nothing."""

    pointed = Signal(str)

    def __init__(
        self, explore: ExploreModel, companions: Companions, fresh: FreshTrace, theme: Theme
    ) -> None:
        super().__init__()
        self._explore, self._companions, self._theme = explore, companions, theme
        self._fresh = fresh
        self.shown = set(NAMES)
        self.window_of_plane: Window | None = None
        self._drawing: PlotDrawing | None = None
        self._stale = True
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(200, 200)
        self.setAccessibleName("Particles")
        explore.states_changed.connect(self._on_answer)
        fresh.changed.connect(self.redraw)
        companions.states_changed.connect(self.redraw)
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
        return layers(states, self._fresh.trace, self.shown, self._theme.tokens, others)

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
        painter.end()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell the place."""
        if self.window_of_plane is not None:
            x, y = Plane(QSizeF(self.size()), self.window_of_plane).place(event.position())
            self.pointed.emit(f"{x:.2f}, {y:.2f}")

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
        self.window_of_plane = framed(self.window_of_plane, states.x_t, states.x_s)
        self.redraw()
