"""Fields as pictures: velocity, average velocity, and what lies between them, grey where zero."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from studio.model.explore_model import ExploreModel
from studio.model.picture_field_model import PictureFieldModel, SeenPictures
from studio.model.pixel_model import Pixel
from studio.theme.theme import Theme
from studio.theme.tokens import faded
from studio.view.explore.fresh_trace import GRACE
from studio.view.explore.line import Line
from studio.view.explore.pixel_hand import Pointing
from studio.view.widgets.card import head, label
from studio.view.widgets.framing import nice_above
from studio.view.widgets.picture_grid import Pick, PictureGrid

FIELDS = {
    "v": (
        "velocity v",
        "Velocity v at x_t: where each pixel is heading, per time towards noise. "
        "Grey is zero: it stands still now.",
    ),
    "u": (
        "average u",
        "Average velocity u = (x_s − x_t) / (s − t) of the jump in sight. "
        "Grey is zero: the jump leaves the pixel as it is.",
    ),
    "u − v": (
        "u − v",
        "What the path bends between t and s. "
        "Grey is zero: one straight step along v is this jump.",
    ),
}
_SPREADS = 2.5  # standard deviations at either end of the scale
_NOTHING = np.zeros((0, 1, 1, 3), np.uint8)


class GreyScale(QWidget):
    """The scale of a field: from -reach to reach as black to white, each channel by itself."""

    def __init__(self, name: str, theme: Theme) -> None:
        super().__init__()
        self._theme, self.reach = theme, 0.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(f"Scale of {name}")
        self.setToolTip("Each channel from black to white; grey is zero.")
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """A bar above its numbers."""
        return QSize(90, 26)

    def show_reach(self, reach: float) -> None:
        """What white stands for; 0 for no scale."""
        if reach != self.reach:
            self.reach = reach
            self.setAccessibleDescription(f"from {-reach:g} to {reach:g}")
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The bar and three numbers."""
        if not self.reach:
            return
        painter = QPainter(self)
        bar = QRectF(0, 1, self.width(), 8)
        shades = QLinearGradient(bar.topLeft(), bar.topRight())
        shades.setColorAt(0, Qt.GlobalColor.black)
        shades.setColorAt(1, Qt.GlobalColor.white)
        painter.setPen(QColor(self._theme.tokens.line))
        painter.fillRect(bar, shades)
        painter.drawRect(bar.adjusted(0, 0, -1, 0))
        font = painter.font()
        font.setPixelSize(11)
        painter.setFont(font)
        painter.setPen(QColor(self._theme.tokens.muted))
        low = QRectF(0, 11, self.width(), 14)
        for flag, text in (
            (Qt.AlignmentFlag.AlignLeft, f"−{self.reach:g}"),
            (Qt.AlignmentFlag.AlignHCenter, "0"),
            (Qt.AlignmentFlag.AlignRight, f"{self.reach:g}"),
        ):
            painter.drawText(low, flag, text)
        painter.end()


class PictureFieldsPart(QWidget):
    """Three grids with their scales; v and u share theirs, what lies between has its own."""

    def __init__(
        self,
        explore: ExploreModel,
        fields: PictureFieldModel,
        pick: Pick,
        pointing: Pointing,
        theme: Theme,
    ) -> None:
        super().__init__()
        self._fields, self._pointing = fields, pointing
        self.grids = {name: PictureGrid(name, pick, theme) for name in FIELDS}
        self.scales = {name: GreyScale(name, theme) for name in FIELDS}
        self.values = {name: Line(f"Value of {name}", theme) for name in FIELDS}
        self._grace = QTimer(self, interval=GRACE, singleShot=True)
        self._grace.timeout.connect(lambda: self._fade(f"color: {faded(theme.tokens)}"))
        self._times: dict[str, QLabel] = {name: label("", "small") for name in FIELDS}
        self.said = label("", "muted")
        self.said.setWordWrap(True)
        self.said.setAlignment(Qt.AlignmentFlag.AlignCenter)
        sides = QHBoxLayout()
        sides.setSpacing(24)
        for name in FIELDS:
            sides.addWidget(self._column(name), 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(sides, 1)
        column.addWidget(self.said)
        fields.changed.connect(self._show)
        explore.states_changed.connect(self._show_age)
        theme.changed.connect(self._show_age)
        pointing.changed.connect(self._read)
        self._show()

    def shown(self, name: str) -> NDArray[np.float32] | None:
        """The values of a field, where they are known."""
        seen = self._fields.seen
        if seen is None:
            return None
        return {"v": seen.v, "u": seen.u, "u − v": seen.apart}[name]

    def _column(self, name: str) -> QWidget:
        title, tip = FIELDS[name]
        top, heading = head(), label(title, "title")
        top.addWidget(heading)
        top.addStretch(1)
        top.addWidget(self._times[name])
        column = QWidget()
        column.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        heading.setToolTip(tip)
        self.grids[name].setToolTip(tip)
        self.grids[name].setAccessibleDescription(tip)
        side = QVBoxLayout(column)
        side.setContentsMargins(0, 0, 0, 0)
        side.setSpacing(6)
        side.addLayout(top)
        side.addWidget(self.grids[name], 1)
        side.addWidget(self.values[name])
        side.addWidget(self.scales[name])
        return column

    def _show(self) -> None:
        if not self._fields.wanted:
            return
        seen = self._fields.seen
        both = [field for field in (self.shown("v"), self.shown("u")) if field is not None]
        reach = _reach(*both)
        apart = self.shown("u − v")
        reaches = {"v": reach, "u": reach, "u − v": _reach(*(() if apart is None else (apart,)))}
        for name, grid in self.grids.items():
            field = self.shown(name)
            shades = _NOTHING if field is None else shaded(field, reaches[name])
            grid.show_pictures(shades)
            self.scales[name].show_reach(0.0 if field is None else reaches[name])
        if seen is not None:
            span = f"{seen.t:.3f} → {seen.s:.3f}"
            for name, words in (("v", f"t = {seen.t:.3f}"), ("u", span), ("u − v", "")):
                self._times[name].setText(words)
        self.said.setText(self._fields.problem or why_missing(seen))
        self.said.setVisible(bool(self.said.text()))
        self._show_age()
        self._read()

    def _show_age(self) -> None:
        """The times of fields that were left behind are faded until there are newer."""
        if not self._fields.wanted:
            return
        if self._fields.fresh:
            self._grace.stop()
            self._fade("")
        elif not self._grace.isActive():
            self._grace.start()  # under a hand that moves they would flicker

    def _fade(self, look: str) -> None:
        for shown in self._times.values():
            if shown.styleSheet() != look:
                shown.setStyleSheet(look)

    def _read(self) -> None:
        """The values of the pixel that is pointed at; without one, how large they are."""
        if not self._fields.wanted:
            return
        for name, line in self.values.items():
            line.set_text(_told(self.shown(name), self._pointing.pixel))


def shaded(field: NDArray[np.float32], reach: float) -> NDArray[np.uint8]:
    """Values [n, h, w, c] from -reach to reach as black to white, each channel by itself."""
    return np.clip(np.rint(127.5 * (field / reach + 1)), 0, 255).astype(np.uint8)


def why_missing(seen: SeenPictures | None) -> str:
    """Why a field is not there, one sentence; "" where all are."""
    if seen is None:
        return ""
    if seen.v is None:
        return "This model knows no velocity of its own."
    return "" if seen.u is not None else "Noise is added on the way: no average velocity."


def _reach(*fields: NDArray[np.float32]) -> float:
    square = [float(np.square(field).mean()) for field in fields if field.size]
    return nice_above(max(_SPREADS * float(np.sqrt(max(square, default=1.0))), 1e-3))


def _told(field: NDArray[np.float32] | None, pixel: Pixel | None) -> str:
    if field is None:
        return ""
    if pixel is None or any(at >= size for at, size in zip(pixel, field.shape, strict=False)):
        return f"rms {float(np.sqrt(np.square(field).mean())):.3f}"
    index, down, across = pixel
    values = "  ".join(f"{value:+.2f}" for value in field[index, down, across].tolist())
    return values.replace("-", "−")
