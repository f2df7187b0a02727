"""The card with the curve of one metric."""

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QSlider, QStackedWidget

from studio.model.run_model import RunModel
from studio.theme.theme import Theme
from studio.view import words
from studio.view.train.smooth import smooth
from studio.view.widgets.card import Card, label
from studio.view.widgets.combo import Combo
from studio.view.widgets.elided import Elided
from studio.view.widgets.empty import Empty
from studio.view.widgets.throttle import Throttle

if TYPE_CHECKING:
    from studio.view.train.plot import CurvePlot

TITLES = {
    "error": "Error",
    "error_diagonal": "Error where s = t",
    "error_jump": "Error where s < t",
    "loss": "Weighted loss",
    "gradient_norm": "Gradient norm",
    "tangent": "Tangent (rms of du/dt)",
    "tangent_x": "Tangent by x",
    "tangent_t": "Tangent by t",
    "learning_rate": "Learning rate",
    "samples_per_second": "Samples a second",
}
NOTHING = "Curves appear as soon as a training takes its first steps."
HIDDEN = ("step", "seconds")
FIRST = (
    "error_diagonal",
    "error",
)  # where s = t the target stands still, so it falls as v is learned


class Curves(Card):
    """Chooses, smooths and reads out a metric of the run in sight."""

    def __init__(self, theme: Theme) -> None:
        super().__init__("Curve")
        self._theme = theme
        self._run: RunModel | None = None
        self._parent: RunModel | None = None
        self._left = 0  # the parent's step at 0
        self._wanted, self._row, self._drawn = "", -1, False
        self._steps, self._raw, self._mean = np.empty(0), np.empty(0), np.empty(0)
        self.series = Combo()
        self.log = QPushButton("log")
        self.smoothing = QSlider(Qt.Orientation.Horizontal)
        self.readout = Elided()
        self.empty = Empty(theme, "chart-line", "Nothing to draw yet", NOTHING)
        self.pages = QStackedWidget()
        self._lay_out()
        self._draw_soon = Throttle(self._draw, self, 66)
        self.series.activated.connect(self._choose)
        self.log.toggled.connect(self._draw)
        self.smoothing.valueChanged.connect(self._draw_soon)
        self._draw()

    @cached_property
    def plot(self) -> "CurvePlot":
        """The plot, made when first needed: pyqtgraph is a large part of the start-up."""
        from studio.view.train.plot import CurvePlot

        plot = CurvePlot(self._theme)
        plot.pointed.connect(self._point)
        self.pages.addWidget(plot)
        return plot

    def prepare(self) -> None:
        """Make the plot now, so that the first run need not wait for it."""
        self.plot.dress()

    def show_run(self, run: RunModel | None) -> None:
        """Show another run."""
        if self._run is not None:
            self._run.changed.disconnect(self._draw_soon)
        self._run, self._row = run, -1
        if run is not None:
            run.changed.connect(self._draw_soon)
            self.plot.getPlotItem().enableAutoRange()
        self._draw()

    def show_parent(self, run: RunModel | None, step: int) -> None:
        """Draw the curve of the run behind that this one left at `step`."""
        if self._parent is not None and self._parent is not run:
            self._parent.changed.disconnect(self._draw_soon)
        if run is not None and self._parent is not run:
            run.changed.connect(self._draw_soon)
        self._parent, self._left = run, step
        self._draw_soon()

    def chosen(self) -> str:
        """The metric that is drawn: the wished one, the most telling where it is not there."""
        names = self._names()
        return next((n for n in (self._wanted, *FIRST, *names) if n in names), "")

    def _names(self) -> list[str]:
        columns = self._run.columns if self._run else ()
        known = [name for name in TITLES if name in columns]
        return known + [c for c in columns if c not in TITLES and c not in HIDDEN]

    def _draw(self) -> None:
        names, name = self._names(), self.chosen()
        self.series.show_items([(n, TITLES.get(n, n)) for n in names], name)
        self.series.setEnabled(bool(names))
        if self._run is not None and name:
            self._steps = np.array(self._run.steps)
            self._raw = np.array(self._run.curve(name))
            self._mean = smooth(self._raw, self.smoothing.value() / 100)
            self.plot.show_logarithmic(self.log.isChecked())
            self.plot.show_curve(self._steps, self._raw, self._mean)
            self.plot.show_behind(*self._behind(name), f"its parent at step {self._left:,}")
        self._drawn = bool(name) and bool(np.isfinite(self._raw).any())
        self.pages.setCurrentWidget(self.plot if self._drawn else self.empty)
        self._read_out()

    def _behind(self, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The parent's curve with its step `_left` at 0, half as far back as the child has come.

        What it did before shows where the child began, and what it did after what the change does.
        """
        if self._parent is None or not len(self._steps):
            return np.empty(0), np.empty(0)
        steps, last = self._parent.steps - self._left, self._steps[-1]
        seen = (steps >= -last / 2) & (steps <= last)
        mean = smooth(self._parent.curve(name), self.smoothing.value() / 100)
        return steps[seen], mean[seen]

    def _choose(self) -> None:
        self._wanted = self.series.key()
        self._draw()

    def _point(self, row: int) -> None:
        self._row = row
        self._read_out()

    def _read_out(self) -> None:
        """The value under the cursor, else the newest."""
        count = len(self._steps) if self._drawn else 0
        row = self._row if 0 <= self._row < count else count - 1
        if row < 0:
            self.readout.setText("")
            return
        self.plot.point(self._row if self._row < count else -1)
        mean, raw = words.amount(self._mean[row]), words.amount(self._raw[row])
        beside = f"   raw {raw}" if raw != mean else ""
        self.readout.setText(f"{mean} at step {self._steps[row]:,.0f}{beside}")

    def _lay_out(self) -> None:
        self.series.setAccessibleName("Metric")
        self.series.setFixedWidth(172)
        self.log.setProperty("role", "chip")
        self.log.setCheckable(True)
        self.log.setToolTip("Logarithmic axis")
        self.log.setAccessibleName("Logarithmic axis")
        self.smoothing.setRange(0, 100)
        self.smoothing.setValue(45)
        self.smoothing.setFixedWidth(96)
        self.smoothing.setAccessibleName("Smoothing")
        self.smoothing.setToolTip("Smoothing; the raw line stays, faint")
        self.head.insertWidget(self.head.indexOf(self.title) + 1, self.series)
        self.head.addWidget(self.readout)
        self.head.addSpacing(10)
        self.head.addWidget(label("Smooth", "small"))
        self.head.addWidget(self.smoothing)
        self.head.addWidget(self.log)
        self.pages.addWidget(self.empty)
        self.pages.setMinimumHeight(90)
        self.body.addWidget(self.pages, 1)
