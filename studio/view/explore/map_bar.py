"""Under the pad: which map is drawn, its scale, and what it says here."""

import math

from PySide6.QtCore import QPointF, QRectF, QSignalBlocker, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from engine.contract.maps import MAPS, MapKind, map_info
from studio.model.explore_model import ExploreModel
from studio.model.map_model import MapModel
from studio.theme.scales import VIRIDIS
from studio.theme.theme import Theme
from studio.view.widgets.card import label
from studio.view.widgets.combo import Combo
from studio.view.widgets.number_box import inset

_TITLES = [("", "No map")] + [(info.kind, info.title) for info in MAPS]
_SHORT = {"": "No map"} | {info.kind: info.short for info in MAPS}
_HIGH, _STRIP = 12, 8.0  # of the scale, and of the colours in it


class MapChoice(Combo):
    """Which map lies under the hand."""

    def __init__(self, maps: MapModel) -> None:
        super().__init__()
        self._maps = maps
        self.setAccessibleName("Map under the pad")
        self.setToolTip("What to measure at every (t, s), and show as colours on the pad.")
        self.show_items(_TITLES, "")
        self.shorten(lambda key: _SHORT[key])
        self.currentIndexChanged.connect(self._choose)
        maps.changed.connect(self._show)

    def _choose(self) -> None:
        kinds: dict[str, MapKind] = {info.kind: info.kind for info in MAPS}
        self._maps.choose(kinds.get(self.key()))

    def _show(self) -> None:
        self.show_items(_TITLES, self._maps.kind or "")


class Scale(QWidget):
    """The colours from zero to the most, with a mark at the value in hand."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme, self._share = theme, math.nan
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        pixels = VIRIDIS.tobytes()
        self._strip = QImage(pixels, 256, 1, 3 * 256, QImage.Format.Format_RGB888).copy()

    def sizeHint(self) -> QSize:
        """A strip."""
        return QSize(120, _HIGH)

    def mark(self, share: float) -> None:
        """Mark a share of the scale; nan marks none."""
        self._share = share
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the strip and the mark."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        strip = QRectF(0, (self.height() - _STRIP) / 2, self.width(), _STRIP)
        painter.drawImage(strip, self._strip)
        if math.isfinite(self._share):
            middle = QPointF(4 + (self.width() - 8) * min(1.0, self._share), self.height() / 2)
            painter.setPen(QPen(QColor(self._theme.tokens.card), 2))
            painter.setBrush(QColor(self._theme.tokens.text))
            painter.drawEllipse(middle, 4.5, 4.5)
        painter.end()


class MapBar(QWidget):
    """The scale of the map, its value at the held place, and what zero means."""

    def __init__(self, explore: ExploreModel, maps: MapModel, theme: Theme) -> None:
        super().__init__()
        self._explore, self._maps = explore, maps
        self.choice = MapChoice(maps)
        self.scale = Scale(theme)
        self.least, self.here, self.most = label("0", "small"), label(), label("", "small")
        self.here.setStyleSheet("font-weight: 600")
        self.here.setAccessibleName("Value of the map here")
        self.said = label("", "small")
        self.said.setWordWrap(True)
        self.middle = self._middle_box()
        ends = QHBoxLayout()
        ends.addWidget(self.least)
        ends.addWidget(self.here, 1, Qt.AlignmentFlag.AlignCenter)
        ends.addWidget(self.most)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addWidget(self.scale)
        column.addLayout(ends)
        column.addWidget(self.middle)
        column.addWidget(self.said)
        maps.changed.connect(self._show)
        explore.times_changed.connect(self._show_here)
        self._show()

    def _middle_box(self) -> QDoubleSpinBox:
        box = QDoubleSpinBox()
        box.setRange(0.05, 0.95)
        box.setSingleStep(0.05)
        box.setKeyboardTracking(False)
        box.setPrefix("cut at ")
        box.setSuffix(" of the way to t")
        box.setValue(self._maps.middle)
        box.setAccessibleName("Middle time of the semigroup defect")
        box.setToolTip("The jump from t to s is cut in two at s + this share of t - s.")
        box.valueChanged.connect(self._maps.set_middle)
        inset(box)
        return box

    def _show(self) -> None:
        maps, field = self._maps, self._maps.field
        self.setVisible(maps.kind is not None)
        for part in (self.scale, self.least, self.here, self.most):
            part.setVisible(field is not None)
        self.middle.setVisible(maps.kind == "defect")
        with QSignalBlocker(self.middle):
            self.middle.setValue(maps.middle)
        if maps.kind is not None:
            info = map_info(maps.kind)
            truth = " The truth here is the flow of the pictures themselves, which memorises."
            self.said.setText(maps.problem or info.zero + (truth if _memorises(maps) else ""))
            self.setToolTip(info.meaning)
            self.choice.setToolTip(f"{info.meaning}\n{info.zero}")
        if field is not None:
            unit = " rms" if field.share is None else ""
            self.most.setText(f"{field.most:.3g}{unit}")
        self._show_here()

    def _show_here(self) -> None:
        field = self._maps.field
        if field is None:
            return
        value = field.at(self._explore.t, self._explore.s)
        self.scale.mark(value / field.most if field.most else math.nan)
        self.here.setText(f"{value:.3g} here" if not math.isnan(value) else "")
        if field.share is not None:
            self.here.setText(_trained(value, field.share_at(self._explore.t, self._explore.s)))


def _trained(loss: float, share: float) -> str:
    """What a training's loss says of a place."""
    if math.isnan(loss):
        return "never trained here"
    return f"{loss:.3g} here, {100 * share:.2g} % of samples"


def _memorises(maps: MapModel) -> bool:
    return maps.field is not None and maps.field.memorises
