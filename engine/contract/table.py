"""Metrics in columns that grow: what a run's history keeps of the rows of its journal."""

import math
import mmap
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", bound=np.number)
_LARGE = 1 << 20  # bytes
_FIRST = 1024  # rows of the first piece of memory
_TIGHT = 0.75  # full so far, a column gets more room when there is time
_GROWTH = 8  # of a full one: what is copied seldom holds nobody up, and untouched memory is free


def roomier(array: NDArray[Number], used: int, wanted: int) -> NDArray[Number]:
    """An array with room for `wanted` entries of its last axis and the first `used` of the old."""
    grown = _empty((*array.shape[:-1], max(wanted, _GROWTH * array.shape[-1])), array.dtype)
    grown[..., :used] = array[..., :used]
    return grown


def _empty(shape: tuple[int, ...], kind: np.dtype[Number]) -> NDArray[Number]:
    """New memory. Numpy asks for huge pages from 4 MB on: clearing one of them takes tens of ms."""
    size = math.prod(shape) * kind.itemsize
    if size < _LARGE:
        return np.empty(shape, kind)
    own = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
    return np.frombuffer(mmap.mmap(-1, size, **own), kind).reshape(shape)


class Table:
    """Named columns of equal length, `step` first; NaN where a value is not finite or not there.

    Steps are float64, the other columns of `kind`: float32 serves the eye and halves the memory.
    Memory that no row has touched yet is not resident. Columns that it hands out are read-only
    views, good until the next change.
    """

    def __init__(self, kind: type[np.floating] = np.float64) -> None:
        self._kind = kind
        self._most = float(np.finfo(kind).max)
        self._columns: dict[str, NDArray[np.floating]] = {"step": np.empty(_FIRST)}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, `step` first."""
        return tuple(self._columns)

    @property
    def steps(self) -> NDArray[np.float64]:
        """The step of each row."""
        return np.asarray(self.column("step"), np.float64)

    def column(self, name: str) -> NDArray[np.floating]:
        """One column over all rows. Raises KeyError."""
        view = self._columns[name][: self._count]
        view.flags.writeable = False
        return view

    def widen(self, names: tuple[str, ...]) -> None:
        """Make sure of these columns; a new one was not there in the rows so far."""
        for name in names:
            if name not in self._columns:
                room = len(self._columns["step"])
                self._columns[name] = np.empty(room, self._kind)
                self._columns[name][: self._count] = np.nan

    def append(self, names: tuple[str, ...], values: NDArray[np.float64]) -> None:
        """Add rows, float64 [rows, names]; columns that are not among the names are not there."""
        begin, end = self._count, self._count + len(values)
        self._reserve(end)
        fitting = self._fitting(values)
        for name, column in self._columns.items():
            column[begin:end] = fitting[:, names.index(name)] if name in names else np.nan
        self._count = end

    def cut(self, count: int) -> None:
        """Keep the first `count` rows."""
        self._count = min(count, self._count)

    def _fitting(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values that the kind of the columns can hold; the largest one for what is beyond it."""
        within = np.clip(values, -self._most, self._most)
        return np.where(np.isfinite(values), within, np.nan)

    def _reserve(self, rows: int) -> None:
        """Make room for so many rows; ahead of need column by column, as copying takes its time."""
        short = [name for name, column in self._columns.items() if rows > len(column)]
        tight = (name for name, column in self._columns.items() if rows > _TIGHT * len(column))
        for name in short or [*tight][:1]:
            self._columns[name] = roomier(self._columns[name], self._count, rows)
