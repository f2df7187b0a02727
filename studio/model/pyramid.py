"""The extremes of a long column at every scale, so that drawing it costs its width and no more."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.contract.table import roomier

FAN = 8  # entries of a level that one entry of the next stands for
_PIECE = 1 << 17  # rows that are taken up at once, to bound the memory that this takes
Column = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Bands:
    """The extremes of rows in equal parts: of rows `starts[k]` to `starts[k] + size`.

    The last part may hold fewer. `low`, `high` and `least` (the smallest positive value, for a
    logarithmic axis) are NaN where a part holds none.
    """

    starts: NDArray[np.int64]
    size: int
    low: Column
    high: Column
    least: Column


class Pyramid:
    """Follows a column that only grows: each call of `take` costs what is new of it.

    An entry of level k holds the extremes of FAN^k rows, three minima each: of the values, of their
    negatives, and of the positive ones. NaN counts for none.
    """

    def __init__(self) -> None:
        self._levels: list[Column] = []  # [3, room] each
        self._rows = 0

    def take(self, column: Column) -> None:
        """Take up the rows of the whole column that are new."""
        while self._rows < len(column):
            rows = min(len(column), self._rows + _PIECE)
            self._grow(column[:rows], self._rows)
            self._rows = rows

    def bands(self, column: Column, first: int, last: int, most: int) -> Bands:
        """The rows from `first` to `last` of the column in at most `most` parts (`most` > 1).

        Parts lie at multiples of their size, so that they stay where they are while the window
        moves; the outer ones may reach beyond it.
        """
        size, level = self._scale(-(-(last - first) // (most - 1)))
        begin, end = first // size * size, min(-(-last // size) * size, len(column))
        group = FAN**level
        whole = max(begin, end // group * group)
        if level:
            entries = [self._levels[level - 1][:, begin // group : whole // group]]
        else:
            entries = [_minima(column[begin:whole])]
        if whole < end:
            entries.append(np.fmin.reduce(_minima(column[whole:end]), axis=1, keepdims=True))
        joined = np.concatenate(entries, axis=1)
        found = np.fmin.reduceat(joined, np.arange(0, joined.shape[1], size // group), axis=1)
        starts = np.arange(begin, end, size)
        return Bands(starts, size, found[0], -found[1], found[2])

    def _scale(self, size: int) -> tuple[int, int]:
        """The size of a part, at least `size` and hardly more, and the level that it is made of."""
        level, group = 0, 1
        while group * FAN * FAN <= size and level < len(self._levels):
            level, group = level + 1, group * FAN
        return max(1, -(-size // group)) * group, level

    def _grow(self, column: Column, before: int) -> None:
        """Put what came after the first `before` rows into every level."""
        level, group = 0, FAN
        while group <= len(column):
            old, new = before // group, len(column) // group
            if level == len(self._levels):
                self._levels.append(np.empty((3, FAN), column.dtype))
            if level:
                below = self._levels[level - 1][:, FAN * old : FAN * new]
            else:
                below = _minima(column[FAN * old : FAN * new])
            if new > self._levels[level].shape[1]:
                self._levels[level] = roomier(self._levels[level], old, new)
            self._levels[level][:, old:new] = _folded(below)
            level, group = level + 1, FAN * group


def _minima(values: Column) -> Column:
    """What the minima are taken of, [3, n]: the values, their negatives, the positive ones."""
    positive = np.where(values > 0, values, values.dtype.type(np.nan))
    return np.stack([values, -values, positive])


def _folded(values: Column) -> Column:
    """The minima of each FAN entries in turn, [3, n FAN] to [3, n].

    Entry by entry over all groups: numpy is ten times slower at many short reductions.
    """
    groups = values.reshape(3, -1, FAN)
    folded = groups[..., 0].copy()
    for k in range(1, FAN):
        np.fmin(folded, groups[..., k], out=folded)
    return folded
