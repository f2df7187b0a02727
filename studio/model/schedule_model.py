"""The times of several steps: set by hand, or searched for the least distance to data."""

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple

from msgspec import structs
from PySide6.QtCore import QObject, Signal

from engine.contract.messages import SUPERSEDED
from studio.link.link import LinkError
from studio.model.explore_model import ExploreModel
from studio.model.quality_model import QualityModel
from studio.model.tasks import spawn

MOST = 16  # steps whose times can be set by hand
SEARCHED = 4  # steps whose times can be searched: each time is a search of its own
NEAR = 0.005  # two times are at least so far apart, as shares of the way
TRIES, ROUNDS = 7, 2  # of one time; over all times
_GOLDEN = (5**0.5 - 1) / 2


class Found(NamedTuple):
    """What a search knows by now: distances of the times it began with, and of the best ones."""

    first: float
    best: float
    tried: int
    of: int


class ScheduleModel(QObject):
    """Reads and sets `explore.shares`; a search sets the best ones that it knows as it goes."""

    changed = Signal()

    def __init__(
        self, explore: ExploreModel, quality: QualityModel, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._explore, self._quality = explore, quality
        self.found: Found | None = None
        self.problem = ""
        self._searching: asyncio.Task[None] | None = None
        self._set = self._of()  # what the search set last
        explore.settings_changed.connect(self._on_settings)
        explore.model_changed.connect(self._on_settings)

    @property
    def editable(self) -> bool:
        """Whether there are times that can be set."""
        model = self._explore.model
        known = model is not None and model.capability != "dyadic"
        return known and 1 < self._explore.steps <= MOST

    @property
    def searchable(self) -> bool:
        """Whether the best times can be searched."""
        return self.editable and self._explore.steps <= SEARCHED

    @property
    def searching(self) -> bool:
        """Whether a search is under way."""
        return self._searching is not None

    @property
    def shares(self) -> tuple[float, ...]:
        """The times between the steps as shares of the way: those that were set, or even ones."""
        steps = self._explore.steps
        return self._explore.shares or tuple(k / steps for k in range(1, steps))

    def move(self, index: int, share: float) -> None:
        """Set one time; it stays between its neighbours."""
        low, high = self._room(self.shares, index)
        self._explore.set_shares(_with(self.shares, index, min(max(share, low), high)))

    def even(self) -> None:
        """Back to the sampler's own times."""
        self._explore.set_shares(())

    def search(self) -> None:
        """Search the times of the least distance to data; a second call ends the search."""
        if self._searching is not None:
            self.stop()
        elif self.searchable:
            self.problem = ""
            self._searching = spawn(self._search())
            self.changed.emit()

    def stop(self) -> None:
        """End the search; the best times that were found stay."""
        if self._searching is not None:
            self._searching.cancel()
            self._searching = None
            self.changed.emit()

    async def _search(self) -> None:
        """One time after the other by the golden section, between its neighbours."""
        best = self.shares
        try:
            first = least = await self._distance(best)
            turns = [*range(len(best))] * (ROUNDS if len(best) > 1 else 1)
            tried, total = 1, 1 + TRIES * len(turns)
            self._tell(Found(first, least, tried, total))
            for index in turns:
                async for share, value in self._section(best, index):
                    tried += 1
                    if value < least:
                        least, best = value, _with(best, index, share)
                        self._take(best)
                    self._tell(Found(first, least, tried, total))
            self._tell(Found(first, least, tried, tried))
        except LinkError as error:
            self.problem = str(error)
        self._searching = None
        self.changed.emit()

    async def _section(
        self, shares: tuple[float, ...], index: int
    ) -> AsyncIterator[tuple[float, float]]:
        """Shares for one time, each with the distance that it gives: the golden section."""
        low, high = self._room(shares, index)
        known: dict[float, float] = {}
        for _ in range(TRIES - 1):
            inner = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
            for share in inner:
                if not any(abs(share - old) < 1e-6 for old in known):
                    known[share] = await self._distance(_with(shares, index, share))
                    yield share, known[share]
            left, right = (_nearest(known, share) for share in inner)
            low, high = (low, inner[1]) if left <= right else (inner[0], high)

    async def _distance(self, shares: tuple[float, ...]) -> float:
        """Of samples from noise to data through these times."""
        times = tuple(1 - share for share in shares)
        sampler = structs.replace(self._explore.sampler, times=times, keep=None)
        while True:
            await asyncio.sleep(0)  # a stop comes first
            try:
                return (await self._quality.measured(len(shares) + 1, sampler)).sliced
            except LinkError as error:
                if str(error) != SUPERSEDED:
                    raise

    def _room(self, shares: tuple[float, ...], index: int) -> tuple[float, float]:
        around = (0.0, *shares, 1.0)
        low, high = around[index] + NEAR, around[index + 2] - NEAR
        return min(low, high), max(low, high)

    def _take(self, shares: tuple[float, ...]) -> None:
        self._set = (*self._of()[:-1], shares)
        self._explore.set_shares(shares)

    def _of(self) -> tuple[object, ...]:
        """What a search is for."""
        explore = self._explore
        step = explore.model.step if explore.model else -1
        return (
            *(explore.name, step, explore.steps, explore.sampler),
            *(explore.source.seed, explore.source.label),
            explore.shares,
        )

    def _on_settings(self) -> None:
        """What another hand changes ends a search, and what it found is of the past."""
        if self._of() != self._set:
            self._set = self._of()
            self.found, self.problem = None, ""
            self.stop()
        self.changed.emit()

    def _tell(self, found: Found) -> None:
        self.found = found
        self.changed.emit()


def _with(shares: tuple[float, ...], index: int, share: float) -> tuple[float, ...]:
    return (*shares[:index], share, *shares[index + 1 :])


def _nearest(known: dict[float, float], share: float) -> float:
    return known[min(known, key=lambda old: abs(old - share))]
