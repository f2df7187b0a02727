"""A grid of pictures, each pixel a square; the one under the cursor is outlined in every grid."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from studio.theme.theme import Theme
from studio.view.widgets.picture_geometry import PictureGeometry

_ROUND = 4.0  # radius of a tile's corners
_STEPS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


class Pick(QObject):
    """Which picture the cursor is on (-1: none) and which one was chosen, for all grids."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.hovered, self.chosen = -1, 0

    def hover(self, index: int) -> None:
        """The cursor is on picture `index`."""
        if index != self.hovered:
            self.hovered = index
            self.changed.emit()

    def choose(self, index: int) -> None:
        """Picture `index` is the one that is copied and exported."""
        if index != self.chosen:
            self.chosen = index
            self.changed.emit()


class PictureGrid(QWidget):
    """Shows uint8 [n, height, width, channels]; arrow keys and clicks choose a picture.

    Where it is `draggable`, a drag in a picture, or Shift and the arrow keys, ask for it to be
    moved: `dragged(index, right, down)`, in the picture's own pixels since the last one.
    """

    dragged = Signal(int, int, int)

    def __init__(self, name: str, pick: Pick, theme: Theme) -> None:
        super().__init__()
        self._name, self._pick, self._theme = name, pick, theme
        self.draggable = False
        self._drag: tuple[int, QPointF] | None = None  # the picture, and where its last pixel began
        self._lain = np.zeros((0, 1, 1, 4), np.uint8)
        self._image = QImage()
        self._corners: tuple[object, QPixmap] = (None, QPixmap())
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(96, 96)
        self.setAccessibleName(f"Pictures {name}")
        pick.changed.connect(self._on_pick)
        theme.changed.connect(self.update)

    @property
    def tiles(self) -> PictureGeometry:
        """Where the pictures lie."""
        count, pixels = len(self._lain), max(self._lain.shape[1:3])
        ratio = self.devicePixelRatioF()
        return PictureGeometry.within(self.width(), self.height(), count, pixels, ratio)

    def sizeHint(self) -> QSize:
        """A square."""
        return QSize(320, 320)

    def show_pictures(self, pictures: NDArray[np.uint8]) -> None:
        """Show these pictures from the next paint on."""
        if self._lain.shape[:3] != pictures.shape[:3]:
            self._lain = np.full((*pictures.shape[:3], 4), 255, np.uint8)
            count, height, width, _ = self._lain.shape
            self._image = QImage(
                self._lain.data, width, count * height, 4 * width, QImage.Format.Format_RGB32
            )
        self._lain[..., :3] = pictures[..., ::-1]  # in memory the bytes of RGB32 are B, G, R
        self._on_pick()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Enlarge each picture into its tile, round the corners, outline."""
        if not len(self._lain):
            return
        painter = QPainter(self)
        tiles = self.tiles
        count, height, width, _ = self._lain.shape
        for index in range(count):
            part = QRectF(0, index * height, width, height)
            painter.drawImage(tiles.rect(index), self._image, part)
        painter.drawPixmap(0, 0, self._drawn_corners(tiles))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.hasFocus() and self._pick.chosen != self._pick.hovered:
            self._outline(painter, tiles, self._pick.chosen, self._theme.tokens.muted)
        self._outline(painter, tiles, self._pick.hovered, self._theme.tokens.models[0])
        painter.end()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """The picture under the cursor; one that is held follows, pixel by pixel."""
        self._pick.hover(self.tiles.index(event.position()) if len(self._lain) else -1)
        if self._drag is None or not event.buttons() & Qt.MouseButton.LeftButton:
            return
        index, before = self._drag
        pixel = self.tiles.tile / max(self._lain.shape[1:3])
        way = (event.position() - before) / pixel
        right, down = int(way.x()), int(way.y())
        if right or down:
            self._drag = index, before + QPointF(right, down) * pixel
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
            self.dragged.emit(index, right, down)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose it, and hold it where it can be dragged."""
        index = self.tiles.index(event.position()) if len(self._lain) else -1
        if index >= 0:
            self._pick.choose(index)
            if self.draggable and event.button() == Qt.MouseButton.LeftButton:
                self._drag = index, event.position()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self._drag = None
        self.unsetCursor()

    def leaveEvent(self, event: object) -> None:
        """No picture is under the cursor."""
        self._pick.hover(-1)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrow keys choose a neighbour; with Shift they move the picture."""
        ways = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        ways |= {Qt.Key.Key_Up: -self.tiles.columns, Qt.Key.Key_Down: self.tiles.columns}
        way = ways.get(Qt.Key(event.key()))
        if way is None or not len(self._lain):
            super().keyPressEvent(event)
            return
        if self.draggable and event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            chosen = min(self._pick.chosen, len(self._lain) - 1)
            self.dragged.emit(chosen, *_STEPS[Qt.Key(event.key())])
            return
        index = self._pick.chosen + way
        if 0 <= index < len(self._lain):
            self._pick.choose(index)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the chosen picture."""
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Show it no more."""
        self.update()

    def _on_pick(self) -> None:
        chosen = min(self._pick.chosen, len(self._lain) - 1)
        self.setAccessibleDescription(f"picture {chosen + 1} of {len(self._lain)} is chosen")
        self.update()

    def _outline(self, painter: QPainter, tiles: PictureGeometry, index: int, colour: str) -> None:
        if 0 <= index < len(self._lain):
            painter.setPen(QPen(QColor(colour), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            rect = tiles.rect(index).adjusted(-1.5, -1.5, 1.5, 1.5)
            painter.drawRoundedRect(rect, _ROUND + 1, _ROUND + 1)

    def _drawn_corners(self, tiles: PictureGeometry) -> QPixmap:
        """What lies outside the tiles' round corners, in the card's colour; kept between frames."""
        ratio = self.devicePixelRatioF()
        key = (tiles, ratio, self.size(), self._theme.name)
        if self._corners[0] != key:
            corners = QPixmap(self.size() * ratio)
            corners.setDevicePixelRatio(ratio)
            corners.fill(Qt.GlobalColor.transparent)
            outside = QPainterPath()
            for index in range(tiles.count):
                rect, bend = tiles.rect(index), min(_ROUND, tiles.tile / 8)
                outside.addRect(rect)
                outside.addRoundedRect(rect, bend, bend)
            painter = QPainter(corners)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.fillPath(outside, QColor(self._theme.tokens.card))
            painter.setPen(QColor(self._theme.tokens.line))
            for index in range(tiles.count):
                rect, bend = tiles.rect(index), min(_ROUND, tiles.tile / 8)
                painter.drawRoundedRect(rect.adjusted(-0.5, -0.5, 0.5, 0.5), bend, bend)
            painter.end()
            self._corners = (key, corners)
        return self._corners[1]


def tile_centre(grid: PictureGrid, index: int) -> QPointF:
    """The middle of picture `index` in the grid's widget."""
    return grid.tiles.rect(index).center()
