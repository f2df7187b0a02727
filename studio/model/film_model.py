"""Training as a film: the run behind the model in hand, and the steps of it that were kept."""

import asyncio
from functools import partial

from msgspec import structs
from PySide6.QtCore import QObject, Signal

from engine.contract.messages import FilmAnswer, Progress, ReadFilm, RunInfo
from studio.link.link import Link, LinkError
from studio.model.ask import ask
from studio.model.explore_model import ExploreModel, run_of
from studio.model.newest import Newest
from studio.model.run_model import RunModel
from studio.model.runs_model import RunsModel
from studio.model.tasks import spawn

FRAME = 0.25  # seconds of a step while it plays, at least
SEEN = 10.0  # seconds that a step may take until it is seen


class FilmModel(QObject):
    """Follows the explorer: `run` is the run of its model, `steps` those that can be looked at.

    A shipped model has a run that is in no list: the engine knows it.
    """

    changed = Signal()  # the run, its steps, where it stands, or whether it plays
    failed = Signal(str)
    forked = Signal(object)  # a RunSpec that starts from the step that is shown

    def __init__(
        self, link: Link, explore: ExploreModel, runs: RunsModel, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._link, self._explore, self._runs = link, explore, runs
        self.run: RunModel | None = None
        self.steps: tuple[int, ...] = ()
        self._name = ""  # of the run, or of what may have none
        self._listed = False  # among the workspace's runs
        self._pending: int | None = None  # the step that is being opened
        self._seen = asyncio.Event()
        self._lists = Newest(self._list)
        self._opens = Newest(self._open)
        self._playing: asyncio.Task[None] | None = None
        explore.model_changed.connect(self._follow)
        runs.changed.connect(self._follow)
        explore.states_changed.connect(self._seen.set)
        explore.failed.connect(self._seen.set)
        runs.sealed.connect(self._on_sealed)
        runs.progressed.connect(self._on_progress)
        link.opened.connect(lambda hello: self._lists.wish())
        link.closed.connect(lambda why: self.stop())

    @property
    def step(self) -> int:
        """The step that is shown, -1 where it is not of this run."""
        model = self._explore.model
        return model.step if model and self.run else -1

    @property
    def _aim(self) -> int:
        """The step that is shown once what is under way is done."""
        return self.step if self._pending is None else self._pending

    @property
    def playing(self) -> bool:
        """Whether one step follows the other by itself."""
        return self._playing is not None

    def show(self, step: int) -> None:
        """Take the nearest step that was kept in hand; the newest one is followed from then on."""
        if self.steps and self.run:
            nearest = min(self.steps, key=lambda known: abs(known - step))
            if nearest != self._aim:
                self._pending = nearest
                self._opens.wish()

    def move(self, by: int) -> None:
        """So many kept steps later, or earlier."""
        if self.steps:
            at = min(range(len(self.steps)), key=lambda k: abs(self.steps[k] - self._aim))
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

    @property
    def can_fork(self) -> bool:
        """Whether a run can start from the step that is shown: its weights were kept."""
        return self.run is not None and self._aim in self.steps

    def fork(self) -> None:
        """Make a spec like that of the run, which starts from the step that is shown."""
        if self.run is not None and self.can_fork:
            self.stop()
            spawn(self._fork(self.run, self._aim), refused=self.failed.emit)

    async def _fork(self, run: RunModel, step: int) -> None:
        spec = await run.spec()
        self.forked.emit(structs.replace(spec, start=f"{run.name}@{step}"))

    def _follow(self) -> None:
        """The model in hand may be of another run."""
        name = run_of(self._explore.name) if self._explore.model else ""
        info = self._runs.find(name)
        if (name, info is not None) != (self._name, self._listed):
            if name != self._name or self._listed:
                self._leave()
            self._name, self._listed = name, info is not None
            if name:
                self._lists.wish()
        if info is not None:
            self._take(info)
        self.changed.emit()

    def _take(self, info: RunInfo) -> None:
        if self.run is None:
            self.run = RunModel(self._link, info, self)
            self.run.changed.connect(self.changed)
            self.run.take_info(info)
        elif info != self.run.info:
            self.run.take_info(info)

    def _leave(self) -> None:
        """Let the run go that was followed."""
        self.stop()
        if self.run is not None:
            self.run.changed.disconnect(self.changed)
            self.run.setParent(None)  # deleted when what it still reads has been read
        self.run, self.steps, self._pending = None, (), None

    async def _list(self) -> None:
        name = self._name
        if not name:
            return
        try:
            answer, _ = await ask(self._link, partial(ReadFilm, run=name), FilmAnswer)
        except LinkError:
            return  # it has none, or the engine went; the next checkpoint and the next engine try
        if name == self._name:
            if not self._listed:
                self._take(answer.run)
            self.steps = answer.steps
            self.changed.emit()

    async def _open(self) -> None:
        """Open the step that is wanted and wait until it is seen: else no frame ever would be."""
        run, wanted = self.run, self._pending
        if run is None or wanted is None:
            return
        newest = wanted == self.steps[-1]
        self._seen.clear()
        try:
            await self._explore.open(run.name if newest else f"{run.name}@{wanted}")
            await asyncio.wait_for(self._seen.wait(), SEEN)
        except TimeoutError:
            pass  # a slow model: it is seen later
        except LinkError as error:
            self.stop()
            self._lists.wish()  # it may have been thinned out meanwhile
            self.failed.emit(str(error))
        finally:
            if self._pending == wanted:
                self._pending = None

    async def _play(self) -> None:
        at = 0 if self.step >= self.steps[-1] else sum(s <= self.step for s in self.steps)
        while at < len(self.steps):
            step = self.steps[at]
            self.show(step)
            await asyncio.sleep(FRAME)
            while self._pending is not None:
                await asyncio.sleep(FRAME / 10)
            at = sum(s <= step for s in self.steps)
        self._playing = None
        self.changed.emit()

    def _on_sealed(self, name: str, step: int) -> None:
        if self.run and name == self.run.name:
            self._lists.wish()

    def _on_progress(self, progress: Progress) -> None:
        if self.run and progress.run == self.run.name:
            self.run.take_progress(progress)
