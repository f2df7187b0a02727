"""What a journal says after rewinding: the metrics, samples and events of the run that counts.

The rule (see `engine.contract.journal`): `Started(step)` takes back everything beyond its step.
"""

from bisect import bisect_left

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
from engine.contract.table import Table

Past = Started | Sampled | Sealed | Skipped | Noticed | Ended


class History:
    """Holds a run's past in growing arrays; feed it the journal's bytes in any pieces, in order.

    Arrays that it hands out are read-only views, good until the next `feed`; lists are not copied.
    `kind` is that of the metrics but the step.
    """

    def __init__(self, kind: type[np.floating] = np.float64) -> None:
        self._reader = Reader()
        self._table = Table(kind)
        self._samples: list[Sampled] = []
        self.received = 0  # bytes fed: the offset to read on from
        self.rewinds = 0  # how often rows were taken back; curves kept elsewhere are void then
        self.events: list[Past] = []
        self.gaps: list[Gap] = []

    def __len__(self) -> int:
        return len(self._table)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all metrics seen so far, `step` first."""
        return self._table.names

    @property
    def steps(self) -> NDArray[np.float64]:
        """The step of each row, rising."""
        return self._table.steps

    @property
    def samples(self) -> list[Sampled]:
        """The previews, oldest first; of two at one step the newer counts."""
        return self._samples

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
        row = int(self.steps[-1]) if len(self) else 0
        return max(row, self.events[-1].step if self.events else 0)

    def curve(self, name: str) -> NDArray[np.floating]:
        """One metric over the rows, NaN where it was not finite or not there. Raises KeyError."""
        return self._table.column(name)

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
                self._table.widen(names)
            case Gap():
                self.gaps.append(record)
            case Started(step):
                self._rewind(step)
                self.events.append(record)
            case Sampled():
                self._add_sample(record)
                self.events.append(record)
            case _:
                self.events.append(record)

    def _append(self, rows: Rows) -> None:
        steps = rows.values[:, rows.names.index("step")]
        values = rows.values[np.isfinite(steps)]
        if not len(values):
            return
        steps = steps[np.isfinite(steps)]
        back = np.flatnonzero(np.diff(steps) <= 0) + 1  # a Started was lost in a damaged stretch
        for part in np.split(values, back) if len(back) else (values,):
            first = int(part[0, rows.names.index("step")])
            if len(self) and first <= self.steps[-1]:
                self._rewind(first - 1)
            self._table.append(rows.names, part)

    def _add_sample(self, sampled: Sampled) -> None:
        at = bisect_left(self._samples, sampled.step, key=lambda known: known.step)
        known = self._samples[at : at + 1]
        self._samples[at : at + (bool(known) and known[0].step == sampled.step)] = [sampled]

    def _rewind(self, step: int) -> None:
        kept = int(np.searchsorted(self.steps, step, side="right"))
        self.rewinds += kept < len(self)
        self._table.cut(kept)
        self.events = [e for e in self.events if e.step <= step]
        self._samples = [e for e in self._samples if e.step <= step]
