"""What is kept of a picture while the rest is made anew: inpainting, colouring, enlarging."""

import numpy as np
from msgspec.structs import replace
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from engine.contract.messages import Keep
from studio.export.pictures import as_image, in_colour
from studio.model.explore_model import ExploreModel
from studio.model.explore_sampler import can_keep
from studio.model.samples import Samples
from studio.theme.theme import Theme
from studio.view.widgets.card import label
from studio.view.widgets.combo import Combo

_SIDE = 104
_LEAST = 1 / 32  # of a box's side
_STEP = 1 / 16  # of a picture: what an arrow key moves by
_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
NOTHING = ""
_KEEPS: dict[str, tuple[str, Keep | None]] = {
    NOTHING: ("nothing", None),
    "outside": ("all but a box", Keep("outside")),
    "brightness": ("the brightness", Keep("brightness")),
    "coarse-2": ("blocks of 2 × 2", Keep("coarse", factor=2)),
    "coarse-4": ("blocks of 4 × 4", Keep("coarse", factor=4)),
    "coarse-8": ("blocks of 8 × 8", Keep("coarse", factor=8)),
}
_TIP = (
    "What is put back of the picture after each jump, while the rest is made anew: fill a box, "
    "colour it, or sharpen it. From t = 1, in a few steps."
)


class BoxPad(QWidget):
    """The picture with the box that is made anew: drag a new one, or move it by the arrow keys.

    With Shift they change its size.
    """

    def __init__(self, explore: ExploreModel, theme: Theme) -> None:
        super().__init__()
        self._explore, self._theme, self._image = explore, theme, QImage()
        self._from: QPointF | None = None
        self.setFixedSize(QSize(_SIDE, _SIDE))
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("The box that is made anew")
        self.setToolTip("Drag a box; arrow keys move it, with Shift they change its size")

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom as shares of the picture."""
        keep = self._explore.sampler.keep
        return (keep or Keep("outside")).box

    def show_picture(self, pixels: np.ndarray | None) -> None:
        """Show uint8 [h, w, c] under the box, or nothing."""
        self._image = QImage()
        if pixels is not None and pixels.ndim == 3:
            self._image = as_image(in_colour(pixels))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Each pixel a square; what is lost is hatched."""
        painter, tokens = QPainter(self), self._theme.tokens
        whole = QRectF(0, 0, _SIDE, _SIDE)
        painter.fillRect(whole, QColor(tokens.field))
        painter.drawImage(whole, self._image)
        left, top, right, bottom = (share * _SIDE for share in self.box)
        hole = QRectF(left, top, right - left, bottom - top)
        painter.fillRect(hole, QColor(tokens.card))
        painter.fillRect(hole, QBrush(QColor(tokens.muted), Qt.BrushStyle.BDiagPattern))
        painter.setPen(QPen(QColor(tokens.accent), 2 if self.hasFocus() else 1.2))
        painter.drawRect(hole)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a box."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._from = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Its other corner."""
        if self._from is not None:
            one, other = self._from / _SIDE, event.position() / _SIDE
            self._take(
                (min(one.x(), other.x()), min(one.y(), other.y())),
                (max(one.x(), other.x()), max(one.y(), other.y())),
            )

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """It stands."""
        self._from = None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move it, or with Shift its lower right corner."""
        way = _ARROWS.get(Qt.Key(event.key()))
        if way is None:
            super().keyPressEvent(event)
            return
        left, top, right, bottom = self.box
        x, y = way[0] * _STEP, way[1] * _STEP
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._take((left, top), (right + x, bottom + y))
            return
        x, y = min(max(x, -left), 1 - right), min(max(y, -top), 1 - bottom)
        self._take((left + x, top + y), (right + x, bottom + y))

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show who has the keys."""
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Show who has the keys."""
        self.update()

    def _take(self, corner: tuple[float, float], other: tuple[float, float]) -> None:
        """Within the picture, and no smaller than a box can be."""
        left, top = (min(max(share, 0.0), 1 - _LEAST) for share in corner)
        right = min(max(other[0], left + _LEAST), 1.0)
        bottom = min(max(other[1], top + _LEAST), 1.0)
        sampler = self._explore.sampler
        keep = Keep("outside", (left, top, right, bottom))
        self._explore.set_sampler(replace(sampler, keep=keep))
        self.setAccessibleDescription(f"{left:.2f}, {top:.2f} to {right:.2f}, {bottom:.2f}")
        self.update()


class KeepForm(QWidget):
    """Hidden where nothing can be kept: of points, of noise, along a velocity."""

    def __init__(self, explore: ExploreModel, samples: Samples, theme: Theme) -> None:
        super().__init__()
        self._explore, self._samples = explore, samples
        self.choice, self.box = Combo(), BoxPad(explore, theme)
        self.choice.setAccessibleName("Keep")
        self.choice.activated.connect(self._choose)
        title = label("Keep", "muted")
        for part in (title, self.choice):
            part.setToolTip(_TIP)
        row, column = QHBoxLayout(), QVBoxLayout(self)
        row.setSpacing(10)
        row.addWidget(title)
        row.addWidget(self.choice, 1)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(row)
        column.addWidget(self.box, 0, Qt.AlignmentFlag.AlignHCenter)
        explore.model_changed.connect(self._show)
        explore.settings_changed.connect(self._show)
        samples.changed.connect(self._show)
        self._show()

    def _choose(self, row: int) -> None:
        keep = _KEEPS[self.choice.key()][1]
        self._explore.set_sampler(replace(self._explore.sampler, keep=keep))

    def _show(self) -> None:
        explore, seen = self._explore, self._samples.seen
        self.setVisible(can_keep(explore.model) and explore.source.kind != "noise")
        grey = explore.model is not None and explore.model.data.shape[0] == 1
        left_out = {"brightness"} if grey else set()  # of grey pictures that is all
        items = [(name, title) for name, (title, _) in _KEEPS.items() if name not in left_out]
        self.choice.show_items(items, _key(explore.sampler.keep))
        keep = explore.sampler.keep
        self.box.setVisible(keep is not None and keep.kind == "outside")
        now = explore.source.sample if explore.source.kind == "sample" else None
        fits = seen is not None and now is not None and replace(now, way=seen.sample.way)
        self.box.show_picture(seen.data if seen is not None and fits == seen.sample else None)


def _key(keep: Keep | None) -> str:
    if keep is None:
        return NOTHING
    return f"coarse-{keep.factor}" if keep.kind == "coarse" else keep.kind
