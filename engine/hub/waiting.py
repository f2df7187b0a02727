"""The queue at work: what waits is started, one after the other, as the devices become free."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from operator import methodcaller
from pathlib import Path

from msgspec.structs import replace

from engine.contract.catalogue import DataSet
from engine.contract.errors import UserError
from engine.contract.messages import (
    EngineNote,
    Message,
    MoveRun,
    Queue,
    ResumeRun,
    RunChanged,
    RunInfo,
    SetQueue,
    StartRun,
    TakeOut,
)
from engine.contract.specs import MLP, RunSpec
from engine.data.catalogue import find
from engine.data.errors import DataError
from engine.hub import machine
from engine.hub.control import Control
from engine.hub.queue import Entry, Plan, QueueFile, has_begun
from engine.hub.trainings import Trainings, new_info
from engine.hub.workspace import runs_folder
from engine.runs.folder import RunFolder
from engine.runs.summary import summarise

PERIOD = 1.0  # seconds after which a change by another program is seen
log = logging.getLogger(__name__)


class Waiting:
    """Starts what waits, as long as this hub may train in the workspace."""

    def __init__(
        self,
        workspace: Path,
        trainings: Trainings,
        tell: Callable[[Message], None],
        control: Control,
    ) -> None:
        self._workspace, self._trainings, self._tell = workspace, trainings, tell
        self._control = control
        self._file = QueueFile(workspace, lambda text: tell(EngineNote("error", text)))
        self._begun: set[str] = set()  # started, and still in the file until their folder is there
        self._plan = Plan()
        self._stamp: tuple[int, ...] = (-1, -1)
        self._devices: dict[tuple[str, float], str] = {}  # as their specs say it
        self._shown: dict[str, RunInfo] = {}
        self._told = self._answer(-1)
        self._look_again = asyncio.Event()
        self._turn = asyncio.Lock()
        self._leaving = False
        self._task: asyncio.Task[None] | None = None

    @property
    def waits(self) -> bool:
        """Whether something will be started by itself."""
        rest = (e for e in self._plan.entries if e.run not in self._begun and not e.problem)
        return bool(self._begun) or (not self._plan.held and any(rest))

    @property
    def empty(self) -> bool:
        """Whether nothing waits at all."""
        return not self._plan.entries

    def start(self, hold: bool) -> None:
        """Begin to look; with `hold` what an earlier hub left is shown, and waits for a word."""
        self._read()
        if hold and self.waits:
            with contextlib.suppress(UserError):
                self._control.take()
                self._file.edit(lambda plan: plan.set(True, None))
                self._read()
                count = len(self._plan.entries)
                runs = f"{count} run waits" if count == 1 else f"{count} runs wait"
                text = f"{runs} in the queue since last time; release it to go on."
                self._tell(EngineNote("info", text))
        self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """Start nothing more, but what is being started; what waits stays in the file."""
        self._leaving = True
        self.nudge()
        if self._task is not None:
            await asyncio.wait([self._task])

    def nudge(self) -> None:
        """Something has changed: look again soon."""
        self._look_again.set()

    def infos(self) -> tuple[RunInfo, ...]:
        """The runs that wait, the next first."""
        return tuple(self._shown.values())

    def answer(self, id: int) -> Queue:
        """The queue as it is."""
        self._read()
        return self._answer(id)

    async def add(self, request: StartRun | ResumeRun) -> RunInfo:
        """Queue a run. Raises UserError where it could not be started either."""
        if isinstance(request, StartRun):
            info = self._trainings.prepared(request, [e.run for e in self._plan.entries])
            entry = Entry(info.name, request.spec, time.time())
        else:
            info = self._trainings.resumable(request.run, request.changes)
            entry = Entry(info.name, None, time.time(), changes=request.changes)
        await self._edit(lambda plan: plan.added(entry))
        return self._shown.get(entry.run, info)

    async def change(self, request: MoveRun | TakeOut | SetQueue) -> Queue:
        """Move a run, take one out, hold or release. Raises UserError."""
        match request:
            case MoveRun(_, run, place):
                await self._edit(lambda plan: plan.moved(run, place))
            case TakeOut(_, run):
                await self._edit(lambda plan: (plan.find(run), plan.without(run))[1])
            case SetQueue(_, held, at_once):
                await self._edit(lambda plan: plan.set(held, at_once))
        return self._answer(request.id)

    async def forget(self, run: str) -> None:
        """A run does not wait any more: it was started by somebody who did not wait."""
        if any(e.run == run for e in self._plan.entries):
            if (info := self._trainings.find(run)) is not None:
                self._tell(RunChanged(info))
            await self._edit(lambda plan: plan.without(run))

    async def _edit(self, change: Callable[[Plan], Plan]) -> None:
        async with self._turn:
            await asyncio.to_thread(self._file.edit, change)
            self._read()  # and not what was written: somebody may have changed it since
        self.nudge()

    def _read(self) -> None:
        """Take what was changed, here or by another program."""
        stamp = self._file.stamp()
        if stamp == self._stamp:
            return
        self._stamp = stamp  # from before it is read: what comes meanwhile is seen the next time
        try:
            self._take(self._file.read())
        except UserError as error:
            self._tell(EngineNote("error", str(error)))

    def _take(self, plan: Plan) -> None:
        """Show a new plan: whose place or message is new, and the queue itself."""
        self._plan = plan
        before, self._shown = self._shown, {}
        waiting = [e for e in plan.entries if e.run not in self._begun]
        for place, entry in enumerate(waiting):
            info = self._shown[entry.run] = queued_info(self._workspace, entry, place)
            if before.get(entry.run) != info:
                self._tell(RunChanged(info))
        for run in before.keys() - self._shown.keys() - self._begun:
            self._gone(run)
        if (now := self._answer(-1)) != self._told:
            self._told = now
            self._tell(replace(now, id=None))

    def _gone(self, run: str) -> None:
        """A run waits no more and was not started: it stands as its folder shows it."""
        folder = RunFolder(runs_folder(self._workspace) / run)
        if folder.spec_file.exists() and self._trainings.find(run) is None:
            self._tell(RunChanged(summarise(folder)))

    def _answer(self, id: int) -> Queue:
        return Queue(tuple(self._shown), self._plan.held, self._plan.at_once, id)

    async def _work(self) -> None:
        said = ""
        while not self._leaving:
            try:
                self._read()
                await self._settle()
                await self._start_what_may()
                said = ""
            except UserError as error:
                if said != (said := str(error)):
                    self._tell(EngineNote("error", said))
            except Exception:  # the queue of a night must outlive one fault
                log.exception("the queue met a fault")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._look_again.wait(), PERIOD)
            self._look_again.clear()

    async def _settle(self) -> None:
        """Take out of the file what was started, once its own folder keeps its spec; what failed
        before that waits on and says why.
        """
        for run in tuple(self._begun):
            if (runs_folder(self._workspace) / run / "spec.toml").exists():
                await self._edit(methodcaller("without", run))
                self._begun.discard(run)
            elif self._trainings.find(run) is None:
                why = self._trainings.how_it_died(run) or "It did not begin."
                await self._edit(methodcaller("with_problem", run, why))
                self._begun.discard(run)
                self._take(self._plan)

    async def _start_what_may(self) -> None:
        while (entry := self._next()) is not None and self._may_train() and not self._leaving:
            try:
                await self._start(entry)
            except (UserError, OSError) as error:
                why = str(error)
                self._tell(EngineNote("warning", f"{entry.run} cannot be started: {why}"))
                await self._edit(methodcaller("with_problem", entry.run, why))

    def _next(self) -> Entry | None:
        """The first run whose device has room; None where there is none, or the queue is held."""
        self._read()  # a terminal may have held it, or taken a run out, a moment ago
        for entry in () if self._plan.held else self._plan.entries:
            free = entry.run not in self._begun and not entry.problem
            if free and self._trainings.on(self._device(entry)) < self._plan.at_once:
                return entry
        return None

    async def _start(self, entry: Entry) -> None:
        if entry.spec is None:
            resumed = ResumeRun(0, entry.run, changes=entry.changes)
            info = await self._trainings.resume(resumed)
        elif has_begun(RunFolder(runs_folder(self._workspace) / entry.run), entry.spec):
            await self._edit(lambda plan: plan.without(entry.run))  # a hub was killed here
            return
        else:
            info = await self._trainings.start(StartRun(0, entry.spec, entry.run))
        self._tell(RunChanged(info))  # first: a row that waits no more and has not moved is gone
        self._begun.add(entry.run)
        self._take(self._plan)

    def _may_train(self) -> bool:
        with contextlib.suppress(UserError):  # another hub works at this queue
            self._control.take()
        return self._control.held

    def _device(self, entry: Entry) -> str:
        waits = entry.run, entry.added
        if waits not in self._devices:  # else a thousand files are read each second
            try:
                spec = entry.spec or RunFolder(runs_folder(self._workspace) / entry.run).spec()
            except UserError:
                return ""  # it can be started nowhere, and that is told where it is tried
            self._devices[waits] = dict(entry.changes).get("device", spec.device)
        return machine.device_kind(self._devices[waits])


def queued_info(workspace: Path, entry: Entry, place: int) -> RunInfo:
    """A run that waits, as it is shown."""
    if entry.spec is None:
        info = summarise(RunFolder(runs_folder(workspace) / entry.run))
    else:
        info = new_info(entry.run, entry.spec, _data(entry.spec, workspace))
    return replace(
        info,
        state="queued",
        place=place,
        message=entry.problem,
        changed=entry.added or info.changed,
    )


def _data(spec: RunSpec, workspace: Path) -> DataSet:
    """What the run learns from; where that is gone, as much as its spec tells."""
    try:
        return find(spec.data.name, workspace)
    except DataError:
        kind = "points" if isinstance(spec.network, MLP) else "images"
        return DataSet(spec.data.name, spec.data.name, kind, ())  # type: ignore[arg-type]
