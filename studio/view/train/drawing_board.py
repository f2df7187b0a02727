"""The square of the plane that a person draws on: a faint grid, the points, the brush."""

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, QSizeF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QEnterEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from studio.export.plot import Window
from studio.model.drawing_model import DrawingModel, Place
from studio.model.drawing_strokes import HALF
from studio.theme.theme import Theme
from studio.theme.tokens import Tokens
from studio.view.explore.plot_drawing import Plane, draw_grid
from studio.view.widgets.raster import Raster, disc

POINT = 1.6  # radius in logical pixels
SIZE_STEP = 1.15  # of the brush, for each notch of the wheel
STEP = 0.1  # of the plane that an arrow key moves the brush; with Shift ten times as far
HELD = 60  # ms after which a brush that is held still sprays again
_SHARE = 0.15  # of a dab, each time
_SIDE = 560
_EMPTY = "Draw with the left button, wipe with the right."
_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Down: (0, -1),
    Qt.Key.Key_Up: (0, 1),
}


class DrawingBoard(QWidget):
    """Left button or Space sprays, right button wipes; `erasing` makes all of them wipe."""

    sized = Signal(float)  # the radius that the wheel asks for

    def __init__(self, drawing: DrawingModel, theme: Theme) -> None:
        super().__init__()
        self._drawing, self._theme = drawing, theme
        self.erasing = False
        self._at: Place = (0.0, 0.0)  # the brush
        self._inside = False  # whether the pointer is over the board
        self._button = Qt.MouseButton.NoButton
        self._layer: QImage | None = None
        self._raster: Raster | None = None
        self._drawn = (-1, 0, "")  # what the layer shows: rewritten, rows of the log, colour
        self._hold = QTimer(self, interval=HELD)
        self._hold.timeout.connect(self._spray_on)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(320, 320)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setAccessibleName("Drawing board")
        self.setAccessibleDescription("Arrow keys move the brush, Space draws with it.")
        drawing.changed.connect(self.update)
        drawing.brush_changed.connect(self.update)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """A square."""
        return QSize(_SIDE, _SIDE)

    def pixel(self, place: Place) -> QPointF:
        """The logical pixel of a place of the plane."""
        plane, corner = self._plane(), self._square().topLeft()
        half = plane.size.width() / 2
        return corner + QPointF(half + place[0] * plane.unit, half - place[1] * plane.unit)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a stroke."""
        buttons = (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton)
        if event.button() not in buttons or self._button != Qt.MouseButton.NoButton:
            return
        self._button, self._at = event.button(), self._place(event.position())
        self._touch()
        if not self._wipes:
            self._hold.start()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go on with it."""
        before, self._at = self._at, self._place(event.position())
        if self._button != Qt.MouseButton.NoButton:
            if self._wipes:
                self._drawing.wipe(before, self._at)
            else:
                self._drawing.spray(before, self._at)
                self._hold.start()
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End it."""
        if event.button() == self._button:
            self._button = Qt.MouseButton.NoButton
            self._hold.stop()
            self._drawing.end_stroke()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """A larger or a smaller brush."""
        self.sized.emit(self._drawing.radius * SIZE_STEP ** (event.angleDelta().y() / 120))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move the brush, or draw with it; the tools' keys are the window's."""
        key = Qt.Key(event.key())
        if key == Qt.Key.Key_Space:
            self._touch()
            self._drawing.end_stroke()
        elif key in _ARROWS:
            far = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            x, y = (STEP * (10 if far else 1) * step for step in _ARROWS[key])
            self._at = _within(self._at[0] + x, self._at[1] + y)
            self.update()
        else:
            super().keyPressEvent(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        """Show the brush."""
        self._inside = True
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Hide it, where the keyboard does not hold it."""
        self._inside = False
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The ground, the points, the brush."""
        tokens, square, plane = self._theme.tokens, self._square(), self._plane()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(square, QColor(tokens.card))
        painter.setClipRect(square)
        painter.translate(square.topLeft())
        draw_grid(painter, plane, tokens)
        if self._drawing.mirror:
            middle = round(square.width() / 2) + 0.5
            painter.setPen(QPen(QColor(tokens.soft), 1, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(middle, 0), QPointF(middle, square.height()))
        painter.drawImage(QPointF(0, 0), self._points(plane))
        if not self._drawing.strokes.count:
            _draw_hint(painter, square.size(), tokens)
        painter.translate(-square.topLeft())
        if self._inside or self.hasFocus():
            self._draw_brush(painter)
        painter.setPen(QPen(QColor(tokens.accent if self.hasFocus() else tokens.line), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(square.adjusted(0.5, 0.5, -0.5, -0.5))
        painter.end()

    @property
    def _wipes(self) -> bool:
        return self.erasing or self._button == Qt.MouseButton.RightButton

    def _touch(self) -> None:
        """Draw where the brush is."""
        if self._wipes:
            self._drawing.wipe(self._at, self._at)
        else:
            self._drawing.dab(self._at)

    def _spray_on(self) -> None:
        self._drawing.dab(self._at, _SHARE)

    def _square(self) -> QRectF:
        """The largest square in the middle, in whole pixels."""
        side = min(self.width(), self.height())
        return QRectF((self.width() - side) // 2, (self.height() - side) // 2, side, side)

    def _plane(self) -> Plane:
        return Plane(QSizeF(self._square().size()), Window(0.0, 0.0, HALF))

    def _place(self, pixel: QPointF) -> Place:
        return _within(*self._plane().place(pixel - self._square().topLeft()))

    def _points(self, plane: Plane) -> QImage:
        """The points as an image: new ones are added to it, all else draws it anew."""
        ratio, strokes = self.devicePixelRatioF(), self._drawing.strokes
        side, colour = round(plane.size.width() * ratio), self._theme.tokens.accent
        if self._layer is None or self._raster is None or self._layer.width() != side:
            self._layer = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
            self._layer.setDevicePixelRatio(ratio)
            self._raster = Raster(side, side)
            self._raster.image.setDevicePixelRatio(ratio)
            self._drawn = (-1, 0, "")
        rewritten, start, before = self._drawn
        if (rewritten, before) != (strokes.rewritten, colour):
            self._layer.fill(0)
            start = 0
        new = strokes.points(start)
        if len(new):
            self._raster.draw(plane.pixels(new, ratio), disc(POINT * ratio), QColor(colour))
            painter = QPainter(self._layer)
            painter.drawImage(QPointF(0, 0), self._raster.image)
            painter.end()
        self._drawn = (strokes.rewritten, strokes.size, colour)
        return self._layer

    def _draw_brush(self, painter: QPainter) -> None:
        """A ring as wide as the brush, and its other half where it mirrors."""
        tokens = self._theme.tokens
        reach = self._drawing.radius * self._plane().unit
        painter.setPen(QPen(QColor(tokens.bad if self._wipes else tokens.text), 1.2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        places = [self._at, (-self._at[0], self._at[1])]
        for place in places if self._drawing.mirror else places[:1]:
            painter.drawEllipse(self.pixel(place), reach, reach)


def _draw_hint(painter: QPainter, size: QSizeF, tokens: Tokens) -> None:
    """What to do, above the middle, where the brush is at first."""
    font = painter.font()
    font.setPixelSize(13)
    painter.setFont(font)
    painter.setPen(QColor(tokens.muted))
    box = QRectF(0, 0.3 * size.height(), size.width(), 20)
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, _EMPTY)


def _within(x: float, y: float) -> Place:
    """The place of the square that is nearest."""
    return min(max(x, -HALF), HALF), min(max(y, -HALF), HALF)
