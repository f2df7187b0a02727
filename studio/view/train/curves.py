"""The card with the curve of one metric."""

from functools import cached_property
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QSlider, QStackedWidget

from studio.model.run_model import RunModel
from studio.theme.theme import Theme
from studio.view import words
from studio.view.train.happened_list import HappenedList
from studio.view.train.strand import Strand
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
        self._strand: Strand | None = None
        self._behind: Strand | None = None
        self.series = Combo()
        self.log = QPushButton("log")
        self.smoothing = QSlider(Qt.Orientation.Horizontal)
        self.readout = Elided()
        self.happened = HappenedList(theme)
        self.empty = Empty(theme, "chart-line", "Nothing to draw yet", NOTHING)
        self.pages = QStackedWidget()
        self._lay_out()
        self._draw_soon = Throttle(self._draw, self, 66)
        self.series.activated.connect(self._choose)
        self.log.toggled.connect(self._draw)
        self.happened.picked.connect(self._point_at)
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
        self._draw()
        if run is not None:
            self.plot.fit()

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
        self._strand = self._followed(self._strand, self._run, name)
        self._behind = self._followed(self._behind, self._parent, name, self._left)
        self._drawn = self._strand is not None and not self._strand.empty
        if self._drawn:
            self.plot.show_logarithmic(self.log.isChecked())
            self.plot.show_strands(self._strand, self._behind, f"its parent at step {self._left:,}")
        self.happened.show_events(self._run.happened if self._run is not None else ())
        if self._drawn and self._run is not None:
            self.plot.marks.show(self._run.happened)
        self.pages.setCurrentWidget(self.plot if self._drawn else self.empty)
        self._read_out()

    def _followed(
        self, strand: Strand | None, run: RunModel | None, name: str, shift: int = 0
    ) -> Strand | None:
        """The strand of this metric of this run with all that has come, the old one if it is."""
        if run is None or not name:
            return None
        if strand is None or (strand.run, strand.name, strand.shift) != (run, name, shift):
            strand = Strand(run, name, shift)
        strand.strength = self.smoothing.value() / 100
        if not strand.follow():
            self._draw_soon()
        return strand

    def _choose(self) -> None:
        self._wanted = self.series.key()
        self._draw()

    def _point(self, row: int) -> None:
        self._row = row
        self._read_out()

    def _point_at(self, step: int) -> None:
        if self._strand is not None and self._drawn:
            self._point(self._strand.nearest(step))

    def _read_out(self) -> None:
        """The value under the cursor, else the newest."""
        count = len(self._strand.steps) if self._strand is not None and self._drawn else 0
        row = self._row if 0 <= self._row < count else count - 1
        if row < 0 or self._strand is None:
            self.readout.setText("")
            return
        self.plot.point(self._row if self._row < count else -1)
        step, raw, mean = self._strand.at(row)
        shown, beside = words.amount(mean), words.amount(raw)
        beside = f"   raw {beside}" if beside != shown else ""
        self.readout.setText(f"{shown} at step {step:,.0f}{beside}")

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
        self.head.insertWidget(self.head.indexOf(self.series) + 1, self.happened.chip)
        self.head.addWidget(self.readout)
        self.head.addSpacing(10)
        self.head.addWidget(label("Smooth", "small"))
        self.head.addWidget(self.smoothing)
        self.head.addWidget(self.log)
        self.pages.addWidget(self.empty)
        self.pages.setMinimumHeight(90)
        self.body.addWidget(self.pages, 1)
        self.body.addWidget(self.happened)
