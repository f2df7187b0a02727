"""A mean that slides over a curve."""

import numpy as np
from numpy.typing import NDArray

from engine.contract.table import roomier


def reach(strength: float, count: int) -> int:
    """How many of `count` rows a mean takes on either side: up to a twentieth.

    `strength` in [0, 1]: 0 takes none, 1 the most.
    """
    return int(strength**2 * count / 20)


class SlidingMean:
    """The mean over a centred window at any row; NaN neither counts nor spreads.

    Sums from the first row on are kept, so that a mean costs the same however wide its window is,
    and a column that grows is only read on. At the start the window is narrowed on both sides, so
    that the steep fall there is not bent; at the end it is cut.
    """

    def __init__(self) -> None:
        self._sums = np.zeros(1)
        self._counts = np.zeros(1, np.int32)
        self._rows = 0

    def take(self, column: NDArray[np.floating]) -> None:
        """Take up the rows of the whole column that are new."""
        before, self._rows = self._rows, len(column)
        if self._rows >= len(self._sums):
            self._sums = roomier(self._sums, before + 1, self._rows + 1)
            self._counts = roomier(self._counts, before + 1, self._rows + 1)
        new = column[before:].astype(np.float64)
        finite = np.isfinite(new)
        new[~finite] = 0.0
        part = slice(before + 1, self._rows + 1)
        np.cumsum(new, out=self._sums[part])
        np.cumsum(finite, out=self._counts[part])
        self._sums[part] += self._sums[before]
        self._counts[part] += self._counts[before]

    def at(self, rows: NDArray[np.int64], half: int) -> NDArray[np.float64]:
        """Means over up to `half` rows on either side of each of these; NaN where none is."""
        low = rows - np.minimum(half, rows)
        high = np.minimum(rows + np.minimum(half, rows), self._rows - 1) + 1
        number = self._counts[high] - self._counts[low]
        mean = np.full(len(rows), np.nan)
        np.divide(self._sums[high] - self._sums[low], number, out=mean, where=number > 0)
        return mean

    def known(self) -> tuple[int, int]:
        """The rows from the first to behind the last one that is not NaN; (0, 0): none."""
        counts = self._counts[: self._rows + 1]
        if not counts[-1]:
            return 0, 0
        first = np.searchsorted(counts, counts.dtype.type(1))  # another type would copy all of them
        return int(first) - 1, int(np.searchsorted(counts, counts[-1]))
