"""The trainings of one workspace: start, resume, control, and what is known of each run."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from engine.contract.catalogue import DataSet, data_problems, method
from engine.contract.errors import UserError
from engine.contract.messages import ControlRun, Message, ResumeRun, RunInfo, StartRun
from engine.contract.specs import RunSpec, problems, total_steps
from engine.data.catalogue import find
from engine.hub import machine
from engine.hub.starting import fitting_problems
from engine.hub.training import Training
from engine.hub.workspace import check_name, list_runs, named_run, new_run_name, runs_folder
from engine.runs.lock import is_held
from engine.runs.summary import summarise


class Trainings:
    """One worker process for each run that is at work."""

    def __init__(
        self,
        workspace: Path,
        tell: Callable[[Message], None],
        at_work: Callable[[int], None] = lambda count: None,
    ) -> None:
        """`at_work` is told how many runs are being trained, whenever that changes."""
        self._workspace, self._tell, self._at_work = workspace, tell, at_work
        self._live: dict[str, Training] = {}
        self._died: dict[str, RunInfo] = {}  # why: their folders cannot tell

    async def start(self, request: StartRun) -> RunInfo:
        """Start a new run. Raises UserError where its spec, its name or the machine forbids it."""
        spec = request.spec
        machine.check_torch()
        data = find(spec.data.name, self._workspace)
        found = problems(spec, data.kind) + data_problems(spec, data)
        if found := found or fitting_problems(spec, data, self._workspace):
            raise UserError(" ".join(problem.message for problem in found))
        name = request.name or new_run_name(self._workspace, spec, self._live)
        check_name(name)
        if name in self._live or (runs_folder(self._workspace) / name).exists():
            raise UserError(f"There is already a run {name!r}; choose another name.")
        return await self._begin(_new_info(name, spec, data), spec)

    async def resume(self, request: ResumeRun) -> RunInfo:
        """Go on with a run. Raises UserError where it is at work or has taken all its steps."""
        machine.check_torch()
        folder = named_run(request.run, self._workspace)
        if request.run in self._live or is_held(folder):
            raise UserError(f"{request.run} is being trained already.")
        info = summarise(folder)
        if info.state == "finished":
            raise UserError(f"{request.run} has taken all its {info.steps} steps.")
        return await self._begin(replace(info, message=""), None)

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
        """Let every worker save and leave."""
        await asyncio.gather(*(training.stop() for training in self._live.values()))

    async def _begin(self, info: RunInfo, spec: RunSpec | None) -> RunInfo:
        info = replace(info, state="starting", changed=time.time())
        training = Training(info, runs_folder(self._workspace) / info.name, self._tell)
        self._live[info.name] = training
        self._died.pop(info.name, None)
        try:
            await training.start(spec, self._workspace)
        except (UserError, OSError):
            del self._live[info.name]
            raise
        training.watching.add_done_callback(lambda _: self._ended(training))
        self._at_work(len(self._live))
        return info

    def _ended(self, training: Training) -> None:
        del self._live[training.info.name]
        self._at_work(len(self._live))
        if training.died:
            self._died[training.info.name] = training.info


def _new_info(name: str, spec: RunSpec, data: DataSet) -> RunInfo:
    tag = str(spec.method.__struct_config__.tag)
    title = f"{data.name} · {method(tag).title}"
    steps = total_steps(spec)
    return RunInfo(name, title, tag, data.name, data.kind, "starting", 0, steps, start=spec.start)
