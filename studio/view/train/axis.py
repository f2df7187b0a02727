"""The axes of the curve: few, round, readable ticks."""

import math
from itertools import pairwise

import pyqtgraph as pg

from studio.view import words

APART = 26  # pixels between two ticks of a logarithmic axis, at least


class Axis(pg.AxisItem):
    """A linear axis as pyqtgraph makes it, a logarithmic one with ticks at 1, 2, 5 or 1 to 9."""

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        """Ticks as (spacing, positions); positions are log10 on a logarithmic axis."""
        if not self.logMode:
            ticks: list[tuple[float, list[float]]] = super().tickValues(low, high, size)
            return ticks[:2]
        return [(1.0, log_ticks(low, high, size))]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """Plain numbers."""
        if self.logMode:
            return [words.amount(round(10**v, 12)) for v in values]
        if self.orientation == "bottom":
            return [words.count(v) if v >= 10_000 else f"{v:,.10g}" for v in values]
        return [words.amount(round(v, 12)) for v in values]


def log_ticks(low: float, high: float, size: float) -> list[float]:
    """As many of 1-9, 1-2-5 or whole decades in [low, high] (log10) as stand `APART` pixels."""
    for digits in (range(1, 10), (1, 2, 5), (1,)):
        first, last = math.floor(low), math.ceil(high)
        ticks = [p + math.log10(d) for p in range(first, last + 1) for d in digits]
        ticks = [t for t in ticks if low <= t <= high]
        gaps = [b - a for a, b in pairwise(ticks)]
        if not gaps or min(gaps) * size / max(high - low, 1e-9) >= APART:
            return ticks
    every = math.ceil(APART * (high - low) / size)
    return [float(p) for p in range(math.ceil(low), math.floor(high) + 1) if p % every == 0]
