"""Points that a hand sprays and wipes away: a log that grows, and a mask of what is seen of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HALF = 4.0  # of the side of the square that is drawn on, around the origin
MOST = 50_000  # points in sight: they travel in one message
_STEPS = 500  # that can be taken back

Points = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class _Step:
    """Rows of the log that came into sight, or went out of it."""

    rows: NDArray[np.int64]
    seen: bool


class Strokes:
    """Every step can be taken back exactly; nothing ever lies outside the square.

    `rewritten` counts whatever is more than new rows at the end of the log.
    """

    def __init__(self) -> None:
        self._log: Points = np.empty((1024, 2), np.float32)
        self._seen = np.zeros(1024, bool)
        self._past: list[_Step] = []
        self._future: list[_Step] = []
        self._open: list[_Step] = []  # the stroke under way, of one kind
        self.size = 0  # of the log
        self.count = 0  # of the points in sight
        self.rewritten = 0

    @property
    def can_undo(self) -> bool:
        """Whether there is something to take back."""
        return bool(self._past or self._open)

    @property
    def can_redo(self) -> bool:
        """Whether something was taken back."""
        return bool(self._future) and not self._open

    def points(self, start: int = 0) -> Points:
        """The points in sight, float32 [n, 2], in the order they came, from row `start` on."""
        return self._log[start : self.size][self._seen[start : self.size]]

    def add(self, points: Points) -> None:
        """Put points into sight, those of them that lie in the square and still have room."""
        points = points[(np.abs(points) <= HALF).all(1)][: MOST - self.count]
        if not len(points):
            return
        self._forget_future()
        self._grow(self.size + len(points))
        rows = np.arange(self.size, self.size + len(points))
        self._log[rows] = points
        self.size += len(points)
        self._do(_Step(rows, True))

    def wipe(self, start: tuple[float, float], end: tuple[float, float], radius: float) -> None:
        """Take out of sight what lies within `radius` of the way from `start` to `end`."""
        log = self._log[: self.size]
        near = _apart(log, np.array(start, np.float32), np.array(end, np.float32)) <= radius
        self._hide(np.flatnonzero(near & self._seen[: self.size]))

    def clear(self) -> None:
        """Take everything out of sight, in a step of its own."""
        self.close()
        self._hide(np.flatnonzero(self._seen[: self.size]))
        self.close()

    def close(self) -> None:
        """End the stroke: what it did is one step."""
        if self._open:
            rows = np.concatenate([step.rows for step in self._open])
            self._past = [*self._past, _Step(rows, self._open[0].seen)][-_STEPS:]
            self._open.clear()

    def undo(self) -> None:
        """Take the last stroke back."""
        self.close()
        if self._past:
            step = self._past.pop()
            self._future.append(step)
            self._show(step.rows, not step.seen)
            self.rewritten += 1

    def redo(self) -> None:
        """Make it again."""
        self.close()
        if self._future:
            step = self._future.pop()
            self._past.append(step)
            self._show(step.rows, step.seen)
            self.rewritten += 1

    def _hide(self, rows: NDArray[np.int64]) -> None:
        if len(rows):
            self._forget_future()
            self._do(_Step(rows, False))
            self.rewritten += 1

    def _do(self, step: _Step) -> None:
        if self._open and self._open[-1].seen is not step.seen:
            self.close()
        self._open.append(step)
        self._show(step.rows, step.seen)

    def _show(self, rows: NDArray[np.int64], seen: bool) -> None:
        self._seen[rows] = seen
        self.count += len(rows) if seen else -len(rows)

    def _forget_future(self) -> None:
        """Rows that only a redo could bring back are the last of the log: cut them off."""
        gone = [step.rows[0] for step in self._future if step.seen]
        if gone:
            self.size = int(min(gone))
            self.rewritten += 1
        self._future.clear()

    def _grow(self, size: int) -> None:
        if size > len(self._log):
            more = max(size, 2 * len(self._log))
            self._log = np.concatenate((self._log, np.empty((more - len(self._log), 2), "f4")))
            self._seen = np.concatenate((self._seen, np.zeros(more - len(self._seen), bool)))


def _apart(points: Points, start: Points, end: Points) -> NDArray[np.float32]:
    """How far points [n, 2] are from the straight way between two places."""
    way = end - start
    length = float(way @ way)
    share = ((points - start) @ way / length).clip(0, 1) if length else np.zeros(len(points), "f4")
    nearest: NDArray[np.float32] = start + share[:, None] * way
    away = points - nearest
    found: NDArray[np.float32] = np.hypot(away[:, 0], away[:, 1])
    return found
