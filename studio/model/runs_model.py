"""The workspace's runs, and the one that is looked at."""

import msgspec
from PySide6.QtCore import QObject, Signal

from engine.contract.messages import (
    GetRuns,
    Progress,
    ResumeRun,
    RunAnswer,
    RunChanged,
    RunInfo,
    Runs,
    StartRun,
)
from engine.contract.specs import RunSpec
from studio.link.link import Link, Refusal
from studio.model.ask import ask
from studio.model.run_model import ENDED, RunModel, moved
from studio.model.tasks import spawn

Changes = tuple[tuple[str, str], ...]
GONE = "The engine is gone; it saved what it could."


class RunsModel(QObject):
    """All runs, newest first; `current` is followed."""

    changed = Signal()  # the list
    current_changed = Signal()
    progressed = Signal(object)  # Progress of any run
    sealed = Signal(str, int)  # a run has a newer checkpoint: name, step

    def __init__(self, link: Link, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._link = link
        self.runs: list[RunInfo] = []
        self.current: RunModel | None = None
        link.opened.connect(self._on_opened)
        link.closed.connect(self._on_closed)
        link.noticed.connect(self._on_noticed)

    def find(self, name: str) -> RunInfo | None:
        """The run called `name`, if there is one."""
        return next((r for r in self.runs if r.name == name), None)

    async def refresh(self) -> None:
        """Ask the engine for its runs. Raises Refusal or LinkClosed."""
        answer, _ = await ask(self._link, GetRuns, Runs)
        self.runs = list(answer.runs)
        self.changed.emit()
        if self.current and (info := self.find(self.current.name)):
            self.current.take_info(info)
        elif self.current and self.current.info.state == "queued":  # it never began, and is gone
            self.current = None
            self.current_changed.emit()

    async def start(self, spec: RunSpec, name: str = "") -> RunModel:
        """Start a run and look at it. Raises Refusal or LinkClosed."""
        answer, _ = await ask(self._link, lambda id: StartRun(id, spec, name), RunAnswer)
        return self._look_at(answer.run)

    async def resume(self, name: str, changes: Changes = ()) -> RunModel:
        """Go on with a stopped run and look at it. Raises Refusal or LinkClosed.

        `changes` are fields, as key and value, that it goes on with otherwise.
        """
        build = lambda id: ResumeRun(id, name, changes=changes)  # noqa: E731
        answer, _ = await ask(self._link, build, RunAnswer)
        return self._look_at(answer.run)

    async def queue(self, spec: RunSpec) -> RunInfo:
        """Let a run with this spec wait for its turn. Raises Refusal or LinkClosed."""
        answer, _ = await ask(self._link, lambda id: StartRun(id, spec, queue=True), RunAnswer)
        return self._queued(answer.run)

    async def queue_resume(self, name: str) -> RunInfo:
        """Let a stopped run wait for its turn to go on. Raises Refusal or LinkClosed."""
        answer, _ = await ask(self._link, lambda id: ResumeRun(id, name, queue=True), RunAnswer)
        return self._queued(answer.run)

    async def open(self, name: str) -> RunModel:
        """Look at a run. Raises Refusal or LinkClosed."""
        if self.find(name) is None:
            await self.refresh()
        info = self.find(name)
        if info is None:
            raise Refusal(f"There is no run {name!r} in this workspace.")
        return self._look_at(info)

    def _queued(self, info: RunInfo) -> RunInfo:
        """Look at it only where nothing is being looked at: what trains stays in sight."""
        if self.current is None:
            self._look_at(info)
        else:
            self._on_changed(info)
        return info

    def _look_at(self, info: RunInfo) -> RunModel:
        self._put(info)
        if self.current is None or self.current.name != info.name:
            self.current = RunModel(self._link, info)
            self.current_changed.emit()
        self.current.take_info(info)
        return self.current

    def _on_opened(self, hello: object) -> None:
        spawn(self.refresh(), refused=lambda why: None)  # a dead engine says so by itself

    def _on_closed(self, why: str) -> None:
        """A training ends with its engine; what it saved is known when there is a new one."""
        if self._link.returning:
            return
        for info in [r for r in self.runs if r.state not in (*ENDED, "queued")]:
            self._on_changed(msgspec.structs.replace(info, state="stopped", message=GONE))

    def _on_noticed(self, message: object, payload: object) -> None:
        if isinstance(message, RunChanged):
            self._on_changed(message.run)
        elif isinstance(message, Progress):
            self._on_progress(message)

    def _on_changed(self, info: RunInfo) -> None:
        self._put(info)
        if self.current and self.current.name == info.name:
            self.current.take_info(info)

    def _on_progress(self, progress: Progress) -> None:
        info = self.find(progress.run)
        if info is not None:
            self._put_quietly(moved(info, progress))
        if self.current and self.current.name == progress.run:
            self.current.take_progress(progress)
        self.progressed.emit(progress)

    def _put(self, info: RunInfo) -> None:
        self._put_quietly(info)
        self.changed.emit()

    def _put_quietly(self, info: RunInfo) -> None:
        """Put a run in its row, a new one on top."""
        before = self.find(info.name)
        if before is None:
            self.runs.insert(0, info)
        else:
            self.runs[self.runs.index(before)] = info
        if info.checkpoint > (before.checkpoint if before else -1):
            self.sealed.emit(info.name, info.checkpoint)
