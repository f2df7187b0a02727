"""What a journal says after rewinding: the metrics, samples and events of the run that counts.

The rule (see `engine.contract.journal`): `Started(step)` takes back everything beyond its step.
"""

import numpy as np
from numpy.typing import NDArray

from engine.contract.journal import (
    Columns,
    Ended,
    Event,
    Gap,
    Noticed,
    Reader,
    Rows,
    Sampled,
    Sealed,
    Skipped,
    Started,
)

Past = Started | Sampled | Sealed | Skipped | Noticed | Ended


class History:
    """Holds a run's past in growing arrays; feed it the journal's bytes in any pieces, in order.

    Arrays that it hands out are read-only views, good until the next `feed`.
    """

    def __init__(self) -> None:
        self._reader = Reader()
        self._names: tuple[str, ...] = ("step",)
        self._values = np.empty((1, 1024))
        self._count = 0
        self.received = 0  # bytes fed: the offset to read on from
        self.rewinds = 0  # how often rows were taken back; curves kept elsewhere are void then
        self.events: list[Past] = []
        self.gaps: list[Gap] = []

    def __len__(self) -> int:
        return self._count

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all metrics seen so far, `step` first."""
        return self._names

    @property
    def steps(self) -> NDArray[np.float64]:
        """The step of each row, rising."""
        return self.curve("step")

    @property
    def samples(self) -> list[Sampled]:
        """The previews, oldest first; of two at one step the newer counts."""
        newest = {e.step: e for e in self.events if isinstance(e, Sampled)}
        return [newest[step] for step in sorted(newest)]

    @property
    def ended(self) -> Ended | None:
        """How the newest session ended, or None where it runs or was killed."""
        for event in reversed(self.events):
            if isinstance(event, Started | Ended):
                return event if isinstance(event, Ended) else None
        return None

    @property
    def last_step(self) -> int:
        """The newest step that anything is known of."""
        row = int(self._values[0, self._count - 1]) if self._count else 0
        return max(row, self.events[-1].step if self.events else 0)

    def curve(self, name: str) -> NDArray[np.float64]:
        """One metric over the rows, NaN where it was not finite or not there. Raises KeyError."""
        if name not in self._names:
            raise KeyError(name)
        view = self._values[self._names.index(name), : self._count]
        view.flags.writeable = False
        return view

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the journal."""
        self.received += len(data)
        for record in self._reader.feed(data):
            self.take(record)

    def take(self, record: Event | Rows | Gap) -> None:
        """Take one record of a `Reader`."""
        match record:
            case Rows():
                self._append(record)
            case Columns(names):
                self._widen(names)
            case Gap():
                self.gaps.append(record)
            case Started(step):
                self._rewind(step)
                self.events.append(record)
            case _:
                self.events.append(record)

    def _append(self, rows: Rows) -> None:
        count = len(rows.values)
        if not count:
            return
        first = int(rows.values[0, rows.names.index("step")])
        if self._count and first <= self._values[0, self._count - 1]:
            self._rewind(first - 1)  # its Started was lost in a damaged stretch
        end = self._count + count
        if end > self._values.shape[1]:
            self._reserve(len(self._names), max(end, 2 * self._values.shape[1]))
        target = self._values[:, self._count : end]
        target[:] = np.nan
        target[[self._names.index(name) for name in rows.names]] = rows.values.T
        self._count = end

    def _widen(self, names: tuple[str, ...]) -> None:
        fresh = tuple(name for name in names if name not in self._names)
        if fresh:
            self._names += fresh
            self._reserve(len(self._names), self._values.shape[1])

    def _reserve(self, columns: int, rows: int) -> None:
        old = self._values[:, : self._count]
        self._values = np.full((columns, rows), np.nan)
        self._values[: len(old), : self._count] = old

    def _rewind(self, step: int) -> None:
        kept = int(np.searchsorted(self._values[0, : self._count], step, side="right"))
        self.rewinds += kept < self._count
        self._count = kept
        self.events = [e for e in self.events if e.step <= step]
