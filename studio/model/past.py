"""What the explorer looked at before: undo and redo of where it stands and what it holds."""

import time
from collections.abc import Coroutine
from typing import Any

from PySide6.QtCore import QObject, Signal

from studio.link.link import LinkError
from studio.model.companions import Companions
from studio.model.explore_model import ExploreModel
from studio.model.film_model import FilmModel
from studio.model.map_model import MapModel
from studio.model.newest import Newest
from studio.model.view import View

HISTORY = 200  # views that are kept
REST = 0.6  # seconds without a change before the next one is a view of its own


class Past(QObject):
    """Changes that follow each other closely (a drag, a sweep, a film) are taken back in one."""

    changed = Signal()
    failed = Signal(str)

    def __init__(
        self,
        explore: ExploreModel,
        maps: MapModel,
        film: FilmModel,
        companions: Companions,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._explore, self._maps = explore, maps
        self._film, self._companions = film, companions
        self._past: list[View] = []
        self._future: list[View] = []
        self._now = self._seen = self.view
        self._changed = 0.0  # when
        self._aim: View | None = None  # what is being gone back to
        self._taking = self._moved = False  # by us; by a hand, while a model is opened
        self._opens = Newest(self._open)
        explore.model_changed.connect(self._on_model)
        for signal in (
            explore.times_changed,
            explore.settings_changed,
            maps.changed,
            film.changed,
            companions.changed,
        ):
            signal.connect(self._look)

    @property
    def can_undo(self) -> bool:
        """Whether there is a view before this one."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether a view was left by undo."""
        return bool(self._future)

    @property
    def going(self) -> bool:
        """Whether it is on its way to a view: what stands now is neither the old nor the new."""
        return self._aim is not None

    def take_up(self, view: View) -> None:
        """Go to what an earlier session looked at; there is nothing to take back."""
        self._aim_at(view)
        self._opens.wish()

    def undo(self) -> None:
        """Back to the view before."""
        self._step(self._past, self._future)

    def redo(self) -> None:
        """Forward to the view that undo left."""
        self._step(self._future, self._past)

    def _step(self, source: list[View], target: list[View]) -> None:
        if not source:
            return
        self._explore.stop_playing()
        self._film.stop()
        target.append(self._now)
        view = source.pop()
        self._aim_at(view)
        if (view.model, view.beside) == (self._explore.name, self.view.beside):
            self._aim = None
        else:
            self._opens.wish()
        self.changed.emit()

    def _aim_at(self, view: View) -> None:
        self._now = self._aim = view
        self._changed, self._moved = 0.0, False
        if view.model == self._explore.name:
            self._take(view)

    def _take(self, view: View) -> None:
        """All but the models."""
        self._taking = True
        self._explore.set_source(view.source)
        self._explore.set_steps(view.steps)
        self._explore.set_sampler(view.sampler)
        self._explore.set_shares(view.shares)
        if not self._moved:
            self._explore.set_times(view.t, view.s)
        self._maps.set_middle(view.middle)
        if view.map != self._maps.kind:
            self._maps.choose(view.map)
        self._taking = False

    async def _open(self) -> None:
        """The model, what it is asked, and those beside it; a newer aim ends this one."""
        aim = self._aim
        if aim is None:
            return
        if self._explore.name != aim.model:
            await self._try(self._explore.open(aim.model))
            if aim is not self._aim:
                return
            if self._explore.name == aim.model:
                self._take(aim)
        for name in [name for name in self.view.beside if name not in aim.beside]:
            self._companions.remove(name)
        for name in [name for name in aim.beside if name not in self.view.beside]:
            await self._try(self._companions.add(name))
            if aim is not self._aim:
                return
        self._aim, self._now, self._changed = None, self.view, 0.0

    async def _try(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except LinkError as error:
            self.failed.emit(str(error))

    @property
    def view(self) -> View:
        """What is looked at now."""
        explore, maps = self._explore, self._maps
        return View(
            explore.name,
            explore.t,
            explore.s,
            explore.steps,
            explore.shares,
            explore.sampler,
            explore.source,
            maps.kind,
            maps.middle,
            tuple(other.name for other in self._companions.all),
        )

    def _on_model(self) -> None:
        """What a model changes as it comes belongs to its coming."""
        self._look()
        self._changed = time.monotonic()

    def _look(self) -> None:
        """Keep what was seen before a change."""
        now, moment = self.view, time.monotonic()
        if self._aim is not None:
            self._moved |= not self._taking and (now.t, now.s) != (self._seen.t, self._seen.s)
            self._seen = now
            return
        self._seen = now
        if self._film.playing or now == self._now:
            return
        joined = moment - self._changed < REST or not self._now.model
        if not joined:
            self._past = [*self._past, self._now][-HISTORY:]
        elif self._past and now == self._past[-1]:
            self._past.pop()
        self._now, self._changed = now, moment
        self._future.clear()
        self.changed.emit()
