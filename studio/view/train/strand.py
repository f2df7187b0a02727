"""One metric of a run as lines of as many points as there are pixels, raw and smoothed."""

import numpy as np
from numpy.typing import NDArray

from studio.model.pyramid import Pyramid
from studio.model.run_model import RunModel
from studio.view.train.smooth import SlidingMean, reach

TAKEN = 1 << 18  # rows that are taken up at once: more would hold up the window
SAMPLED = 1 << 14  # places of one smoothed line at most: a mean costs more than it shows
Line = tuple[NDArray[np.float64], NDArray[np.floating]]  # steps and values


class Strand:
    """Follows a metric; `shift` is taken off its steps. `follow` takes up what is new.

    A line costs its width however long the run is, and has at most two points for each pixel:
    where a pixel holds many rows, their lowest and their highest.
    """

    def __init__(self, run: RunModel, name: str, shift: int = 0) -> None:
        self.run, self.name, self.shift = run, name, shift
        self.strength = 0.0  # of the smoothing, in [0, 1]
        self.steps: NDArray[np.float64] = np.empty(0)
        self.values: NDArray[np.floating] = np.empty(0, np.float32)
        self._begin()

    def follow(self) -> bool:
        """Take up what the run has read since, anew where rows were taken back.

        False where there is more, which the next call takes up.
        """
        if self._rewinds != self.run.rewinds:
            self._begin()
        column = self.run.curve(self.name)
        self.values = column[: len(self.values) + TAKEN]
        self.steps = self.run.steps[: len(self.values)]
        self._pyramid.take(self.values)
        self._mean.take(self.values)
        return len(self.values) == len(column)

    def span(self) -> tuple[float, float]:
        """The steps of the first and the last value; (0, 0) where there is none."""
        first, last = self._mean.known()
        if first == last:
            return 0.0, 0.0
        return float(self.steps[first]) - self.shift, float(self.steps[last - 1]) - self.shift

    @property
    def empty(self) -> bool:
        """Whether there is no value."""
        return self._mean.known() == (0, 0)

    @property
    def plain(self) -> bool:
        """Whether the smoothed line is the raw one."""
        return reach(self.strength, len(self.values)) < 1

    def raw(self, left: float, right: float, pixels: int, logarithmic: bool) -> Line:
        """The line through the rows between two steps, with one row beyond on either side."""
        first, last = self._rows(left, right)
        bands = self._pyramid.bands(self.values, first, last, max(2, pixels))
        low = bands.least if logarithmic else bands.low
        high = np.where(np.isnan(low), np.nan, bands.high)
        if bands.size == 1:
            return self._places(bands.starts), low
        middle = np.minimum(bands.starts + bands.size // 2, len(self.values) - 1)
        return np.repeat(self._places(middle), 2), np.stack([low, high], 1).ravel()

    def mean(self, left: float, right: float, pixels: int, logarithmic: bool) -> Line:
        """The same, smoothed."""
        half = reach(self.strength, len(self.values))
        if half < 1:
            return self.raw(left, right, pixels, logarithmic)
        first, last = self._rows(left, right)
        wide = max(1, -(-(last - first) // max(1, pixels)))  # rows in a pixel
        stride = max(1, min(wide, half // 2), -(-(last - first) // SAMPLED))
        each = -(-wide // stride)  # places in a pixel
        rows = np.arange(first // (stride * each) * stride * each, last, stride)
        rows = np.append(rows, last - 1) if last > first else rows
        values = self._mean.at(rows, half)
        if logarithmic:
            values[values <= 0] = np.nan
        if each == 1:
            return self._places(rows), values
        parts = np.arange(0, len(rows), each)
        low, high = np.fmin.reduceat(values, parts), np.fmax.reduceat(values, parts)
        middle = rows[np.minimum(parts + each // 2, len(rows) - 1)]
        return np.repeat(self._places(middle), 2), np.stack([low, high], 1).ravel()

    def nearest(self, step: float) -> int:
        """The row next to a step, -1 where there is none."""
        if not len(self.steps):
            return -1
        right = int(np.searchsorted(self.steps, step + self.shift).clip(0, len(self.steps) - 1))
        left = max(0, right - 1)
        wanted = step + self.shift
        return left if wanted - self.steps[left] < self.steps[right] - wanted else right

    def at(self, row: int) -> tuple[float, float, float]:
        """Step, value and smoothed value of a row."""
        half = reach(self.strength, len(self.values))
        value = float(self.values[row])
        mean = float(self._mean.at(np.array([row]), half)[0]) if half else value
        return float(self.steps[row]) - self.shift, value, mean

    def _begin(self) -> None:
        self._rewinds = self.run.rewinds
        self._pyramid, self._mean = Pyramid(), SlidingMean()
        self.steps, self.values = self.steps[:0], self.values[:0]

    def _rows(self, left: float, right: float) -> tuple[int, int]:
        """The rows from before `left` to behind `right`, of those that are known."""
        first, last = self._mean.known()
        within = np.searchsorted(self.steps, (left + self.shift, right + self.shift))
        first = min(last, max(first, int(within[0]) - 1))
        return first, max(first, min(last, int(within[1]) + 1))

    def _places(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        return self.steps[rows] - self.shift
