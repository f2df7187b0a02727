"""Training as a film: the run behind the model in hand, and the steps of it that were kept."""

import asyncio
from functools import partial

from PySide6.QtCore import QObject, Signal

from engine.contract.messages import FilmAnswer, Progress, ReadFilm
from studio.link.link import Link, LinkError
from studio.model.ask import ask
from studio.model.explore_model import ExploreModel
from studio.model.newest import Newest
from studio.model.run_model import RunModel
from studio.model.runs_model import RunsModel
from studio.model.tasks import spawn

FRAME = 0.25  # seconds of a step while it plays


class FilmModel(QObject):
    """Follows the explorer: `run` is the run of its model, `steps` those that can be looked at."""

    changed = Signal()  # the run, its steps, where it stands, or whether it plays
    failed = Signal(str)

    def __init__(
        self, link: Link, explore: ExploreModel, runs: RunsModel, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._link, self._explore, self._runs = link, explore, runs
        self.run: RunModel | None = None
        self.steps: tuple[int, ...] = ()
        self._wanted = -1
        self._lists = Newest(self._list)
        self._opens = Newest(self._open)
        self._playing: asyncio.Task[None] | None = None
        explore.model_changed.connect(self._follow)
        runs.changed.connect(self._follow)
        runs.sealed.connect(self._on_sealed)
        runs.progressed.connect(self._on_progress)
        link.closed.connect(lambda why: self.stop())

    @property
    def step(self) -> int:
        """The step that is shown, -1 where it is not of this run."""
        model = self._explore.model
        return model.step if model and self.run else -1

    @property
    def playing(self) -> bool:
        """Whether one step follows the other by itself."""
        return self._playing is not None

    def show(self, step: int) -> None:
        """Take the nearest step that was kept in hand; the newest one is followed from then on."""
        if self.steps and self.run:
            nearest = min(self.steps, key=lambda known: abs(known - step))
            if nearest != self._wanted:
                self._wanted = nearest
                self._opens.wish()

    def move(self, by: int) -> None:
        """So many kept steps later, or earlier."""
        if self.steps:
            shown = self._wanted if self._wanted in self.steps else self.step
            at = min(range(len(self.steps)), key=lambda k: abs(self.steps[k] - shown))
            self.show(self.steps[min(max(at + by, 0), len(self.steps) - 1)])

    def play(self) -> None:
        """Show one step after the other; from the first where it stands at the last."""
        if self._playing is None and len(self.steps) > 1:
            self._playing = spawn(self._play())
            self.changed.emit()

    def stop(self) -> None:
        """Stay at the step that is shown."""
        if self._playing is not None:
            self._playing.cancel()
            self._playing = None
            self.changed.emit()

    def _follow(self) -> None:
        """The model in hand may be of another run."""
        name = self._explore.name.rpartition("@")[0] or self._explore.name
        info = self._runs.find(name) if self._explore.model else None
        if info is None:
            if self.run is not None:
                self.stop()
                self.run, self.steps = None, ()
                self.changed.emit()
            return
        if self.run is None or self.run.name != info.name:
            self.stop()
            self.run, self.steps, self._wanted = RunModel(self._link, info, self), (), -1
            self.run.changed.connect(self.changed)
            self.run.take_info(info)
            self._lists.wish()
        self.changed.emit()

    async def _list(self) -> None:
        run = self.run
        if run is None:
            return
        try:
            answer, _ = await ask(self._link, partial(ReadFilm, run=run.name), FilmAnswer)
        except LinkError:
            return  # the engine says so by itself; the next checkpoint tries again
        if run is self.run:
            self.steps = answer.steps
            self.changed.emit()

    async def _open(self) -> None:
        run, wanted = self.run, self._wanted
        if run is None or wanted not in self.steps:
            return
        newest = wanted == self.steps[-1]
        try:
            await self._explore.open(run.name if newest else f"{run.name}@{wanted}")
        except LinkError as error:
            self.stop()
            self._lists.wish()  # it may have been thinned out meanwhile
            self.failed.emit(str(error))

    async def _play(self) -> None:
        at = 0 if self.step >= self.steps[-1] else sum(s <= self.step for s in self.steps)
        while at < len(self.steps):
            self.show(self.steps[at])
            await asyncio.sleep(FRAME)
            at = sum(s <= self._wanted for s in self.steps)
        self._playing = None
        self.changed.emit()

    def _on_sealed(self, name: str, step: int) -> None:
        if self.run and name == self.run.name:
            self._lists.wish()

    def _on_progress(self, progress: Progress) -> None:
        if self.run and progress.run == self.run.name:
            self.run.take_progress(progress)
