"""One sample to start from: its number in the data set, a picture of one's own, a place."""

import numpy as np
from msgspec.structs import replace
from PySide6.QtCore import QRectF, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QSpinBox, QVBoxLayout, QWidget

from engine.contract.catalogue import Model
from engine.contract.source import Sample, Way, carrying_problem
from studio.export.pictures import as_image, in_colour
from studio.model.explore_model import ExploreModel
from studio.model.samples import Samples, Seen
from studio.theme.theme import Theme
from studio.view.explore.line import Line
from studio.view.explore.time_row import without_buttons
from studio.view.explore.tool import Tool
from studio.view.widgets.chip import chip
from studio.view.widgets.tips import plain_tip

_SIDE = 32
_MOST = 2**31 - 1
_WAYS: dict[Way, str] = {
    "noised": "Mixed with noise up to t, another noise for each: one sees what it can become.",
    "carried": "Carried up to t along the model's velocity, u(x, t, t): no chance. From t = 1 back "
    "to s = 0 it is a round trip.",
}


class Thumb(QWidget):
    """A small picture, uint8 [h, w, c], in round corners."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme, self._image = theme, QImage()
        self.setFixedSize(QSize(_SIDE, _SIDE))
        self.setAccessibleName("The picture to start from")

    def show_picture(self, pixels: np.ndarray | None) -> None:
        """Show it, or nothing."""
        self._image = QImage() if pixels is None else as_image(in_colour(pixels))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Each pixel a square."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame, path = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), QPainterPath()
        path.addRoundedRect(frame, 4, 4)
        painter.setClipPath(path)
        painter.fillPath(path, QColor(self._theme.tokens.field))
        painter.drawImage(frame, self._image)
        painter.setPen(QPen(QColor(self._theme.tokens.line), 1))
        painter.drawPath(path)
        painter.end()


class WayChips(QWidget):
    """How data comes to t; `chosen` carries the way that is wished."""

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.chips = {way: chip(way, tip) for way, tip in _WAYS.items()}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for way, button in self.chips.items():
            button.clicked.connect(lambda checked, way=way: self.chosen.emit(way))
            row.addWidget(button)

    def show_way(self, now: Way, model: Model | None) -> None:
        """Show the way that is taken; one that a model knows nothing of cannot be."""
        problem = carrying_problem(model.capability) if model else ""
        for way, button in self.chips.items():
            button.setChecked(way == now)
            button.setEnabled(way == "noised" or not problem)
            button.setToolTip(plain_tip(problem) if problem and way == "carried" else _WAYS[way])


class SampleForm(QWidget):
    """What is wished goes to `samples`; what is shown is what the source is.

    `wanted` asks for a file.
    """

    wanted = Signal()

    def __init__(self, explore: ExploreModel, samples: Samples, theme: Theme) -> None:
        super().__init__()
        self._explore, self._samples = explore, samples
        self.label = ""  # the sample's own
        self.thumb, self.number = Thumb(theme), self._number_box()
        self.facts = Line("What it is", theme)
        self.held_out = chip("held out", "Of what the training never saw.")
        self.held_out.clicked.connect(self._choose_held_out)
        self.file = Tool(theme, "folder-open", "Open a picture", self.wanted.emit)
        self.file.setToolTip("Open a picture (I); or drop one on the page, or paste it (Ctrl+V)")
        self.way = WayChips()
        self.ways = self.way.chips
        self.way.chosen.connect(self._choose_way)
        steps = (
            Tool(theme, "chevron-left", "Previous sample", lambda: self._step(-1)),
            Tool(theme, "chevron-right", "Next sample", lambda: self._step(1)),
        )
        self._lay_out(steps)
        samples.changed.connect(self.show_source)
        explore.settings_changed.connect(self.show_source)
        self.show_source()

    def show_source(self) -> None:
        """Show the sample that is the source."""
        model, sample, seen = self._explore.model, self._samples.sample, self._samples.seen
        points = model is not None and model.data.kind == "points"
        if seen is not None and seen.sample != replace(sample, way=seen.sample.way):
            seen = None
        for part in (self.thumb, self.held_out, self.file):
            part.setHidden(points)
        self.thumb.show_picture(seen.data if seen and seen.data.ndim == 3 else None)
        with QSignalBlocker(self.number):
            own = bool(sample.picture) or sample.point is not None
            self.number.setSpecialValueText("your own" if own else "")
            self.number.setRange(0 if own else 1, seen.count if seen and seen.count else _MOST)
            self.number.setValue(0 if own else sample.index + 1)
        self.held_out.setChecked(sample.held_out and not sample.picture)
        self.label = self._label(seen)
        name = seen.name if seen and sample.picture else ""
        self.thumb.setToolTip(plain_tip(name or self.label))
        self.facts.set_text(_place(sample) if points else "")
        self.way.show_way(sample.way, model)

    def _label(self, seen: Seen | None) -> str:
        names = self._explore.model.data.labels if self._explore.model else ()
        return names[seen.label] if seen and 0 <= seen.label < len(names) else ""

    def _number_box(self) -> QSpinBox:
        box = QSpinBox()
        box.setRange(1, _MOST)
        box.setKeyboardTracking(False)
        box.setGroupSeparatorShown(True)
        box.setMinimumWidth(56)
        box.setPrefix("no. ")
        box.setAccessibleName("Number of the sample")
        box.setToolTip("Which sample of the data set.")
        box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        box.valueChanged.connect(lambda number: self._pick(max(0, number - 1)))
        without_buttons(box)
        return box

    def _lay_out(self, steps: tuple[Tool, Tool]) -> None:
        above, below, column = QHBoxLayout(), QHBoxLayout(), QVBoxLayout(self)
        above.setSpacing(6)
        above.addWidget(self.thumb)
        above.addWidget(self.number, 1)
        for part in (*steps, self.file):
            above.addWidget(part)
        below.setSpacing(4)
        below.addWidget(self.way)
        below.addWidget(self.held_out)
        below.addWidget(self.facts, 1)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(above)
        column.addLayout(below)

    def _step(self, way: int) -> None:
        sample = self._samples.sample
        own = sample.picture or sample.point
        self._pick(0 if own else max(0, sample.index + way))

    def _pick(self, index: int) -> None:
        self._samples.take(replace(self._samples.sample, index=index, picture="", point=None))

    def _choose_held_out(self, on: bool) -> None:
        sample = self._samples.sample
        self._samples.take(replace(sample, index=0, held_out=on, picture="", point=None))

    def _choose_way(self, way: Way) -> None:
        source = self._explore.source
        sample = replace(self._samples.sample, way=way)
        self._samples.start_from(replace(source, sample=sample, moved=()))
        self.show_source()


def _place(sample: Sample) -> str:
    return "or click there" if sample.point is None else "{:.2f}, {:.2f}".format(*sample.point)
