"""The trainings of one workspace: start, resume, control, and what is known of each run."""

import asyncio
import time
from collections.abc import Callable, Collection
from pathlib import Path

from msgspec.structs import replace

from engine.contract.catalogue import DataSet, data_problems, method
from engine.contract.errors import UserError
from engine.contract.lineage import parted
from engine.contract.messages import ControlRun, Message, ResumeRun, RunInfo, StartRun
from engine.contract.specs import RunSpec, problems, total_steps
from engine.data.catalogue import find
from engine.hub import machine
from engine.hub.starting import fitting_problems
from engine.hub.training import Training
from engine.hub.workspace import check_name, list_runs, named_run, new_run_name, runs_folder
from engine.runs.changes import Changes, changed, check_changes
from engine.runs.lock import is_held
from engine.runs.summary import summarise


class Trainings:
    """One worker process for each run that is at work."""

    def __init__(
        self,
        workspace: Path,
        tell: Callable[[Message], None],
        at_work: Callable[[int], None] = lambda count: None,
        may_train: Callable[[], None] = lambda: None,
    ) -> None:
        """`at_work` is told how many runs are being trained, whenever that changes; `may_train`
        is asked before each start and raises UserError where another program trains here.
        """
        self._workspace, self._tell, self._at_work = workspace, tell, at_work
        self._may_train = may_train
        self._live: dict[str, Training] = {}
        self._beginning, self._leaving = asyncio.Lock(), False
        self._died: dict[str, RunInfo] = {}  # why: their folders cannot tell

    def __len__(self) -> int:
        """How many are at work."""
        return len(self._live)

    def on(self, device: str) -> int:
        """How many are at work on a device."""
        return sum(training.device == device for training in self._live.values())

    def find(self, run: str) -> RunInfo | None:
        """What is known of a run that is at work."""
        return self._live[run].info if run in self._live else None

    def how_it_died(self, run: str) -> str:
        """Why a run that was at work here is not any more, where its folder cannot tell."""
        return self._died[run].message if run in self._died else ""

    def prepared(self, request: StartRun, promised: Collection[str] = ()) -> RunInfo:
        """What a new run will be, without anything being written.

        Raises UserError where its spec, its name or the machine forbids it. Of a start that is
        `promised`, as it waits in the queue itself, only its name can be checked.
        """
        spec = request.spec
        machine.check_torch()
        data = find(spec.data.name, self._workspace)
        found = problems(spec, data.kind) + data_problems(spec, data)
        if not found and parted(spec.start)[0] not in promised:
            found = fitting_problems(spec, data, self._workspace)
        if found:
            raise UserError(" ".join(problem.message for problem in found))
        name = request.name or new_run_name(self._workspace, spec, self._live)
        check_name(name)
        if name in self._live or (runs_folder(self._workspace) / name).exists():
            raise UserError(f"There is already a run {name!r}; choose another name.")
        return new_info(name, spec, data)

    async def start(self, request: StartRun) -> RunInfo:
        """Start a new run. Raises UserError where its spec, its name or the machine forbids it."""
        return await self._begin(self.prepared(request), request.spec, request.spec.device)

    def resumable(self, run: str, changes: Changes = ()) -> RunInfo:
        """A run that can go on. Raises UserError where it is at work or has taken all its steps,
        or cannot go on with these `changes`.
        """
        machine.check_torch()
        folder = named_run(run, self._workspace)
        if run in self._live or is_held(folder):
            raise UserError(f"{run} is being trained already.")
        info = summarise(folder)
        if info.state == "finished":
            raise UserError(f"{run} has taken all its {info.steps} steps.")
        if changes:
            check_changes(changes)
            changed(folder.spec(), changes)
        return replace(info, message="")

    async def resume(self, request: ResumeRun) -> RunInfo:
        """Go on with a run. Raises UserError where it is at work or has taken all its steps."""
        info = self.resumable(request.run, request.changes)
        spec = changed(named_run(request.run, self._workspace).spec(), request.changes)
        return await self._begin(info, None, spec.device, request.changes)

    def control(self, request: ControlRun) -> None:
        """Hand an action to a run's worker. Raises UserError where the run is not at work here."""
        if request.run not in self._live:
            named_run(request.run, self._workspace)
            raise UserError(f"{request.run} is not being trained by this engine; resume it first.")
        self._live[request.run].control(request.action)

    async def runs(self) -> tuple[RunInfo, ...]:
        """All runs, newest first; those at work as their workers tell it."""
        on_disk = {run.name: run for run in await asyncio.to_thread(list_runs, self._workspace)}
        live = {name: training.info for name, training in self._live.items()}
        died = {
            name: info
            for name, info in self._died.items()
            if name in on_disk and on_disk[name].changed <= info.changed  # nobody went on since
        }
        known = (on_disk | died | live).values()
        return tuple(sorted(known, key=lambda run: run.changed, reverse=True))

    async def stop(self) -> None:
        """Let every worker save and leave, and begin no other."""
        self._leaving = True
        async with self._beginning:  # one that is being started would be left behind
            pass
        await asyncio.gather(*(training.stop() for training in self._live.values()))

    async def _begin(
        self,
        info: RunInfo,
        spec: RunSpec | None,
        device: str,
        changes: Changes = (),
    ) -> RunInfo:
        if self._leaving:
            raise UserError("The engine is leaving; start it again.")
        self._may_train()
        info = replace(info, state="starting", changed=time.time())
        folder = runs_folder(self._workspace) / info.name
        training = Training(info, folder, self._tell, machine.device_kind(device))
        self._live[info.name] = training
        self._died.pop(info.name, None)
        try:
            async with self._beginning:
                await training.start(spec, self._workspace, changes)
        except (UserError, OSError, asyncio.CancelledError):
            del self._live[info.name]
            raise
        training.watching.add_done_callback(lambda _: self._ended(training))
        self._at_work(len(self._live))
        return info

    def _ended(self, training: Training) -> None:
        del self._live[training.info.name]
        if training.died or training.info.state == "failed":
            self._died[training.info.name] = training.info
        self._at_work(len(self._live))


def new_info(name: str, spec: RunSpec, data: DataSet) -> RunInfo:
    tag = str(spec.method.__struct_config__.tag)
    title = f"{data.name} · {method(tag).title}"
    steps = total_steps(spec)
    return RunInfo(name, title, tag, data.name, data.kind, "starting", 0, steps, start=spec.start)
