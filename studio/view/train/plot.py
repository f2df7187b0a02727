"""The plot of one curve: the raw line kept faint, the smooth one over it, a cross-hair."""

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent

from studio.theme.theme import Theme, interface_font
from studio.view.train.axis import Axis
from studio.view.train.marks import Marks
from studio.view.train.strand import Line, Strand

NOTHING: Line = np.empty(0), np.empty(0)
BEGIN = {"position": 0.96, "anchors": [(1.05, 0), (1.05, 0)], "movable": False}
MARGIN = 0.02  # of the width, beside the curve


class CurvePlot(pg.PlotWidget):
    """Draws what is in sight of two strands; `pointed(row)`: under the cursor, -1: it left.

    Until a person moves or enlarges it, all of the curve is in sight.
    """

    pointed = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__(axisItems={side: Axis(side) for side in ("left", "bottom")})
        self._theme = theme
        self._strand: Strand | None = None
        self._parent: Strand | None = None
        self._follows = True
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
        plot.disableAutoRange("x")
        plot.enableAutoRange(y=True)
        plot.setAutoVisible(y=True)
        plot.getViewBox().setLimits(xMin=0)
        for side in ("bottom", "left"):
            plot.getAxis(side).setStyle(tickFont=interface_font(11), tickLength=-4)
        plot.getAxis("left").setWidth(48)
        self._behind = plot.plot(connect="finite", antialias=True)
        self._raw_line = plot.plot(connect="finite")
        self._line = plot.plot(connect="finite", antialias=True)
        self.marks = Marks(plot)
        self._hair = pg.InfiniteLine(angle=90)
        self._dot = pg.ScatterPlotItem(size=9)
        self._begin = pg.InfiniteLine(0, angle=90, label="", labelOpts=BEGIN)
        self._begin.label.setFont(interface_font(11))
        for item in (self._hair, self._dot, self._begin):
            plot.addItem(item, ignoreBounds=True)
            item.hide()
        self.scene().sigMouseMoved.connect(self._on_moved)
        view = plot.getViewBox()
        view.sigXRangeChanged.connect(self._draw)
        view.sigResized.connect(self._draw)
        view.sigRangeChangedManually.connect(self._on_taken)
        theme.changed.connect(self.dress)
        self.dress()

    def show_strands(self, strand: Strand | None, parent: Strand | None, words: str) -> None:
        """Draw a curve, and behind it that of the run which this one left at 0, as `words` say."""
        self._strand, self._parent = strand, parent
        there = parent is not None and not parent.empty
        self._begin.setVisible(there)
        self._begin.label.setFormat(words)
        self.refresh()

    def refresh(self) -> None:
        """Draw what has come since; all of it while nobody has taken hold of the plot."""
        left, right = self._span()
        self.getPlotItem().getViewBox().setLimits(xMin=min(0.0, left))
        if self._follows:
            self.setXRange(left, max(right, left + 1), padding=MARGIN)
        self._draw()

    def fit(self) -> None:
        """Bring all of the curve into sight and keep it there."""
        self._follows = True
        self.getPlotItem().enableAutoRange(y=True)
        self.refresh()

    def show_logarithmic(self, on: bool) -> None:
        """Change the upright axis; draw again after it."""
        if on != self.logarithmic:
            self.logarithmic = on
            self.setLogMode(x=False, y=on)

    def point(self, row: int) -> None:
        """Put the cross-hair on a row; -1 takes it away."""
        x, y = 0.0, float("nan")
        if self._strand is not None and 0 <= row < len(self._strand.steps):
            x, _, y = self._strand.at(row)
        seen = bool(np.isfinite(y))
        self._hair.setVisible(seen)
        self._dot.setVisible(seen and not (self.logarithmic and y <= 0))
        if seen:
            self._hair.setPos(x)
            self._dot.setData([x], [np.log10(y) if self.logarithmic and y > 0 else y])

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """A double click shows everything again."""
        self.fit()
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
        self.marks.dress(tokens)
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
        self._raw_line.setPen(pg.mkPen(faint, width=dots))
        self._line.setPen(pg.mkPen(accent, width=2 * dots))

    def _span(self) -> tuple[float, float]:
        """The steps that there is something to see at.

        Of the parent half as far back as the child has come: what it did before shows where the
        child began, and what it did after what the change does.
        """
        left, right = self._strand.span() if self._strand else (0.0, 0.0)
        if self._strand is not None and self._parent is not None and not self._parent.empty:
            left = min(left, max(-right / 2, self._parent.span()[0]))
        return left, right

    def _draw(self) -> None:
        """Lines of what is in sight."""
        left, right = self.viewRange()[0]
        sight = left, right, max(2, int(self.getViewBox().width())), self.logarithmic
        raw = mean = behind = NOTHING
        if self._strand is not None and not self._strand.empty:
            mean = self._strand.mean(*sight)
            if not self._strand.plain:
                raw = self._strand.raw(*sight)
        if self._parent is not None and not self._parent.empty:
            behind = self._within_span(self._parent.mean(*sight))
        self._raw_line.setData(*raw)
        self._line.setData(*mean)
        self._behind.setData(*behind)

    def _within_span(self, line: Line) -> Line:
        left, right = self._span()
        kept = (line[0] >= left) & (line[0] <= right)
        return line[0][kept], line[1][kept]

    def _on_taken(self, mouse: object) -> None:
        """A person moved it: new rows no longer do."""
        self._follows = False

    def _on_moved(self, place: object) -> None:
        if self._strand is not None and not self._strand.empty:
            at = self.getPlotItem().getViewBox().mapSceneToView(place).x()
            self.pointed.emit(self._strand.nearest(at))
