"""The plot of one curve: the raw line kept faint, the smooth one over it, a cross-hair."""

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent

from studio.theme.theme import Theme, interface_font
from studio.view.train.axis import Axis

BEGIN = {"position": 0.96, "anchors": [(1.05, 0), (1.05, 0)], "movable": False}
LONG = 4000  # points beyond which a thick pen would cost more than it shows


class CurvePlot(pg.PlotWidget):
    """`pointed(row)`: the row under the cursor, -1 when it leaves."""

    pointed = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__(axisItems={side: Axis(side) for side in ("left", "bottom")})
        self._theme = theme
        self._steps = np.empty(0)
        self._smooth = np.empty(0)
        self.logarithmic = False
        self.setMenuEnabled(False)
        self.hideButtons()
        self.setAccessibleName("Curve")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setBackground(None)
        self.viewport().setAutoFillBackground(False)
        plot = self.getPlotItem()
        plot.showGrid(x=False, y=True, alpha=0.5)
        plot.setMouseEnabled(x=True, y=False)
        plot.enableAutoRange(y=True)
        plot.setAutoVisible(y=True)
        plot.getViewBox().setLimits(xMin=0)
        for side in ("bottom", "left"):
            plot.getAxis(side).setStyle(tickFont=interface_font(11), tickLength=-4)
        plot.getAxis("left").setWidth(48)
        self._behind = plot.plot(connect="finite", antialias=True)
        self._raw_line = plot.plot(connect="finite")
        self._line = plot.plot(connect="finite", antialias=True)
        for line in (self._behind, self._raw_line, self._line):
            line.setDownsampling(auto=True, method="peak")
            line.setClipToView(True)
        self._hair = pg.InfiniteLine(angle=90)
        self._dot = pg.ScatterPlotItem(size=9)
        self._begin = pg.InfiniteLine(0, angle=90, label="", labelOpts=BEGIN)
        self._begin.label.setFont(interface_font(11))
        for item in (self._hair, self._dot, self._begin):
            plot.addItem(item, ignoreBounds=True)
            item.hide()
        self.scene().sigMouseMoved.connect(self._on_moved)
        theme.changed.connect(self.dress)
        self.dress()

    def show_curve(
        self, steps: NDArray[np.float64], raw: NDArray[np.float64], mean: NDArray[np.float64]
    ) -> None:
        """Draw rows: their steps, their values and the smoothed values."""
        self._steps, self._smooth = steps, mean
        if self.logarithmic:
            raw = np.where(raw > 0, raw, np.nan)
            mean = np.where(mean > 0, mean, np.nan)
        same = raw is mean or np.array_equal(raw, mean, equal_nan=True)
        self._raw_line.setData(*([], []) if same else _finite(steps, raw))
        self._line.setData(*_finite(steps, mean))
        self._dress_lines()

    def show_behind(
        self, steps: NDArray[np.float64], mean: NDArray[np.float64], words: str
    ) -> None:
        """Draw the curve of the run that this one left at 0; `words` say what is there."""
        if self.logarithmic:
            mean = np.where(mean > 0, mean, np.nan)
        steps, mean = _finite(steps, mean)
        self._behind.setData(steps, mean)
        self._begin.setVisible(bool(len(steps)))
        self._begin.label.setFormat(words)
        self.getPlotItem().getViewBox().setLimits(xMin=min([0.0, *steps[:1]]))

    def show_logarithmic(self, on: bool) -> None:
        """Change the upright axis; draw again after it."""
        if on != self.logarithmic:
            self.logarithmic = on
            self.setLogMode(x=False, y=on)

    def point(self, row: int) -> None:
        """Put the cross-hair on a row; -1 takes it away."""
        seen = 0 <= row < len(self._steps) and np.isfinite(self._smooth[row])
        self._hair.setVisible(bool(seen))
        self._dot.setVisible(bool(seen))
        if not seen:
            return
        x, y = float(self._steps[row]), float(self._smooth[row])
        self._hair.setPos(x)
        if self.logarithmic:
            self._dot.setVisible(y > 0)
            y = float(np.log10(y)) if y > 0 else 0.0
        self._dot.setData([x], [y])

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """A double click shows everything again."""
        self.getPlotItem().enableAutoRange()
        super().mouseDoubleClickEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """No row is under the cursor."""
        super().leaveEvent(event)
        self.pointed.emit(-1)

    def dress(self) -> None:
        """Take the theme's colours."""
        tokens = self._theme.tokens
        for side in ("bottom", "left"):
            axis = self.getPlotItem().getAxis(side)
            axis.setPen(QColor(tokens.line))
            axis.setTextPen(QColor(tokens.muted))
        self._hair.setPen(pg.mkPen(tokens.muted, width=1, style=Qt.PenStyle.DashLine))
        self._begin.setPen(pg.mkPen(tokens.line, width=1))
        self._begin.label.setColor(QColor(tokens.muted))
        self._dot.setBrush(pg.mkBrush(tokens.accent))
        self._dot.setPen(pg.mkPen(tokens.card, width=2))
        self._dress_lines()

    def _dress_lines(self) -> None:
        accent = self._theme.tokens.accent
        faint = QColor(accent)
        faint.setAlpha(75)
        dots = self.devicePixelRatioF()  # these pens are measured in the screen's own dots
        past = QColor(self._theme.tokens.muted)
        past.setAlpha(150)
        self._behind.setPen(pg.mkPen(past, width=1.5 * dots))
        self._raw_line.setPen(pg.mkPen(faint, width=1))
        self._line.setPen(pg.mkPen(accent, width=2 * dots if len(self._steps) <= LONG else 1))

    def _on_moved(self, place: object) -> None:
        if not len(self._steps):
            return
        at = self.getPlotItem().getViewBox().mapSceneToView(place).x()
        right = int(np.searchsorted(self._steps, at).clip(0, len(self._steps) - 1))
        left = max(0, right - 1)
        closer = abs(self._steps[left] - at) < abs(self._steps[right] - at)
        self.pointed.emit(left if closer else right)


def _finite(
    steps: NDArray[np.float64], values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The rows from the first to the last finite value; none where all are NaN."""
    finite = np.flatnonzero(np.isfinite(values))
    if not len(finite):
        return np.empty(0), np.empty(0)
    part = slice(finite[0], finite[-1] + 1)
    return steps[part], values[part]
