"""What a campaign of kills has counted so far."""

import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np

from engine.contract.history import History
from engine.contract.journal import Reader


class Place(NamedTuple):
    """Where a scene plays, and its chance."""

    folder: Path
    chance: Random


class Tally:
    """Kills and resumes, and the three counts that must stay 0."""

    def __init__(self) -> None:
        self.kills: Counter[str] = Counter()
        self.finished = self.resumes = self.rows = self.lost = self.unreadable = self.orphans = 0
        self.faults: list[str] = []
        self._began = time.monotonic()

    @property
    def struck(self) -> int:
        """How many kills did not come too late."""
        return self.kills.total() - self.finished

    def fault(self, kind: str, sentence: str, count: int = 1) -> None:
        """Something that must not happen has happened."""
        setattr(self, kind, getattr(self, kind) + count)
        self.faults.append(sentence)

    def shown(self, seen: History, journal: Path) -> History:
        """Compare what a reader had seen before a kill with what lies on disk after it."""
        content, reader, now = journal.read_bytes(), Reader(), History()
        list(reader.feed(content))
        now.feed(content)
        if now.gaps or len(content) - reader.offset > 1 << 20:
            self.fault("unreadable", f"{journal}: the journal has gaps: {now.gaps}.")
        if not np.array_equal(now.steps, np.arange(1, len(now) + 1)):
            self.fault("unreadable", f"{journal}: its steps are not 1, 2, 3, ...")
        both = min(len(seen), len(now))
        same = all(
            np.array_equal(seen.curve(name)[:both], now.curve(name)[:both], equal_nan=True)
            for name in seen.columns
        )
        self.rows += len(seen)
        if gone := len(seen) - both if same else len(seen):
            self.fault("lost", f"{journal}: {gone} rows that were shown are gone.", gone)
        return now

    def __str__(self) -> str:
        scenes = ", ".join(f"{name} {count}" for name, count in sorted(self.kills.items()))
        lines = [
            f"kills                   {self.struck} of ({scenes})",
            f"came too late           {self.finished}",
            f"resumes                 {self.resumes}",
            f"acknowledged rows lost  {self.lost} of {self.rows}",
            f"unreadable files        {self.unreadable}",
            f"orphans                 {self.orphans}",
            f"minutes                 {(time.monotonic() - self._began) / 60:.1f}",
        ]
        return "\n".join(lines + [f"! {fault}" for fault in self.faults])
