"""A hand that points at pixels in a grid of pictures, and their marks in it."""

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from studio.model.explore_model import ExploreModel
from studio.model.pixel_model import Pixel, PixelModel
from studio.theme.theme import Theme
from studio.view.explore.pixel_colours import pixel_colour
from studio.view.widgets.picture_grid import Pick, PictureGrid

_LEAST = 7.0  # width of a mark, however small the pixel is
_WAYS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


class Pointing(QObject):
    """Whether a click chooses a pixel, for all grids; where the keys' cursor and the mouse are."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.on = False
        self.cursor: Pixel | None = None
        self.hovered: Pixel | None = None

    @property
    def pixel(self) -> Pixel | None:
        """What is pointed at: by the mouse, else by the keys."""
        return self.hovered or (self.cursor if self.on else None)

    def switch(self, on: bool) -> None:
        """Point at pixels, or at pictures again."""
        if on != self.on:
            self.on = on
            self.changed.emit()

    def hover(self, pixel: Pixel | None) -> None:
        """The mouse is on a pixel, or on none."""
        if pixel != self.hovered:
            self.hovered = pixel
            self.changed.emit()

    def place(self, pixel: Pixel) -> None:
        """The keys' cursor stands there."""
        self.cursor = pixel
        self.changed.emit()


class PixelHand(QObject):
    """Watches one grid: Ctrl+click, or any click and the arrow keys while pixels are pointed at."""

    def __init__(
        self,
        grid: PictureGrid,
        explore: ExploreModel,
        pixels: PixelModel,
        pointing: Pointing,
        pick: Pick,
        theme: Theme,
    ) -> None:
        super().__init__(grid)
        self._grid, self._explore, self._pixels = grid, explore, pixels
        self._pointing, self._pick = pointing, pick
        self.marks = PixelMarks(grid, self, pixels, pointing, theme)
        grid.installEventFilter(self)
        pointing.changed.connect(self._show_cursor)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take what belongs to pixels; the rest is the grid's."""
        if event.type() == QEvent.Type.Resize:
            self.marks.resize(self._grid.size())
        elif event.type() == QEvent.Type.Leave:
            self._pointing.hover(None)
        elif isinstance(event, QMouseEvent):
            return self._mouse(event)
        elif isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            return self._pointing.on and self._key(event)
        return False

    def pixel(self, place: QPointF) -> Pixel | None:
        """The pixel under a place of the grid."""
        tiles, (height, width) = self._grid.tiles, self._shape
        index = tiles.index(place)
        if index < 0 or not height:
            return None
        rect = tiles.rect(index)
        down = int((place.y() - rect.top()) / rect.height() * height)
        across = int((place.x() - rect.left()) / rect.width() * width)
        return index, min(down, height - 1), min(across, width - 1)

    def rect(self, pixel: Pixel) -> QRectF:
        """Where a pixel lies in the grid; empty where there is no such picture."""
        index, down, across = pixel
        height, width = self._shape
        if index >= self._grid.tiles.count or not height:
            return QRectF()
        tile = self._grid.tiles.rect(index)
        wide, high = tile.width() / width, tile.height() / height
        return QRectF(tile.left() + across * wide, tile.top() + down * high, wide, high)

    @property
    def _shape(self) -> tuple[int, int]:
        """Height and width of a picture."""
        states = self._explore.states
        pictures = states is not None and states.x_t.ndim == 4
        return states.x_t.shape[1:3] if states is not None and pictures else (0, 0)

    def _mouse(self, event: QMouseEvent) -> bool:
        pixel = self.pixel(event.position())
        if event.type() == QEvent.Type.MouseMove:
            self._pointing.hover(pixel)
            return False
        # The second of two quick clicks is one as well.
        presses = QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonDblClick
        pressed = event.type() in presses
        with_key = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        left = event.button() == Qt.MouseButton.LeftButton
        if not (pressed and left and (with_key or self._pointing.on)) or pixel is None:
            return False
        self._grid.setFocus(Qt.FocusReason.MouseFocusReason)
        self._pixels.toggle(pixel)
        self._pointing.place(pixel)
        return True

    def _key(self, event: QKeyEvent) -> bool:
        key, plain = (
            Qt.Key(event.key()),
            not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier,
        )
        height, width = self._shape
        count, columns = self._grid.tiles.count, self._grid.tiles.columns
        if not plain or not height or not count:
            return False
        here = self._pointing.cursor
        if here is None or any(at >= n for at, n in zip(here, (count, height, width), strict=True)):
            chosen = min(max(0, self._pick.chosen), count - 1)  # there may be fewer now
            here = chosen, height // 2, width // 2
        if key in _WAYS:
            self._pointing.place(stepped(here, _WAYS[key], count, columns, height, width))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._pointing.place(here)
            self._pixels.toggle(here)
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self._pixels.let_go()
        else:
            return False
        return True

    def _show_cursor(self) -> None:
        if self._pointing.on:
            self._grid.setCursor(Qt.CursorShape.CrossCursor)
        else:
            self._grid.unsetCursor()
        self.marks.update()


class PixelMarks(QWidget):
    """A square around each pixel that was chosen, in its colour; it lets the mouse through."""

    def __init__(
        self,
        grid: PictureGrid,
        hand: PixelHand,
        pixels: PixelModel,
        pointing: Pointing,
        theme: Theme,
    ) -> None:
        super().__init__(grid)
        self._grid, self._hand, self._pixels = grid, hand, pixels
        self._pointing, self._theme = pointing, theme
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.resize(grid.size())
        pixels.changed.connect(self.update)
        theme.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The marks, the one under the mouse larger, and the keys' cursor."""
        painter, pointing = QPainter(self), self._pointing
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        tokens = self._theme.tokens
        for pixel, number in self._pixels.chosen.items():
            grown = 2.0 if pixel == pointing.hovered else 0.0
            self._mark(painter, pixel, pixel_colour(tokens, number), grown)
        if pointing.on and pointing.cursor is not None and self._grid.hasFocus():
            painter.setPen(QPen(QColor(tokens.text), 1, Qt.PenStyle.DotLine))
            painter.drawRect(_around(self._hand.rect(pointing.cursor), 4.0))
        painter.end()

    def _mark(self, painter: QPainter, pixel: Pixel, colour: str, grown: float) -> None:
        rect = self._hand.rect(pixel)
        if rect.isEmpty():
            return
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for ink, width in (("#000000", 4.5), ("#ffffff", 3.4), (colour, 2.2)):  # on any picture
            painter.setPen(QPen(QColor(ink), width + grown / 2))
            painter.drawRect(_around(rect, 1.0 + grown))


def stepped(
    pixel: Pixel, way: tuple[int, int], count: int, columns: int, height: int, width: int
) -> Pixel:
    """The pixel beside another, over an edge in the next picture; itself where there is none."""
    index, down, across = pixel
    x = (index % columns) * width + across + way[0]
    y = (index // columns) * height + down + way[1]
    found = y // height * columns + x // width
    if not 0 <= x < columns * width or y < 0 or found >= count:
        return pixel
    return found, y % height, x % width


def _around(rect: QRectF, by: float) -> QRectF:
    """A square around a pixel that can be seen however small that is."""
    more = max(by, (_LEAST - rect.width()) / 2)
    return rect.adjusted(-more, -more, more, more)
