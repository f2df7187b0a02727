"""Marks at the foot of the plot, where something befell the training."""

from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtGui import QColor

from studio.model.happenings import Happened
from studio.theme.tokens import Tokens

HEIGHT = (0.0, 0.07)  # of the plot's
BAD = ("back", "failed")


class Marks:
    """Two groups of short lines: what was bad, and what was only told."""

    def __init__(self, plot: pg.PlotItem) -> None:
        self._shown: Sequence[Happened] = ()
        self.bad, self.told = pg.VTickGroup(yrange=HEIGHT), pg.VTickGroup(yrange=HEIGHT)
        for group in (self.told, self.bad):
            plot.addItem(group, ignoreBounds=True)

    def show(self, happened: Sequence[Happened]) -> None:
        """Mark these."""
        if happened is not self._shown:
            self._shown = happened
            self.bad.setXVals([h.step for h in happened if h.kind in BAD])
            self.told.setXVals([h.step for h in happened if h.kind not in BAD])
            self.bad.update()
            self.told.update()

    def dress(self, tokens: Tokens) -> None:
        """Take the theme's colours."""
        self.bad.setPen(pg.mkPen(QColor(tokens.bad), width=2))
        self.told.setPen(pg.mkPen(QColor(tokens.warning), width=2))
