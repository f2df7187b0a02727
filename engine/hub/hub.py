"""What a hub is, whoever looks at it: the trainings and the queue of one workspace."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from engine.contract.errors import UserError
from engine.contract.messages import (
    ControlRun,
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
from engine.hub.control import Control
from engine.hub.door import Door
from engine.hub.guardian import Guarded
from engine.hub.queue import waiting
from engine.hub.trainings import Trainings
from engine.hub.waiting import Waiting

GRACE = 10.0  # seconds for somebody to come, where there is nothing to do
_LOOK = 0.5  # seconds between two looks whether there is


class Window(Protocol):
    """The studio that is attached."""

    pid: int

    def tell(self, message: Message) -> None:
        """Send a notice."""

    def make_room(self, trainings: int) -> None:
        """So many runs are being trained now."""


class Hub:
    """Trains, with a window attached or without: notices go to whoever looks."""

    def __init__(self, workspace: Path, guarded: Guarded | None = None) -> None:
        self.workspace = workspace
        self.window: Window | None = None
        self.detached = False  # lives on when its window's stream ends
        self.leaving = False
        self._guarded = guarded or Guarded()
        self._control = Control(workspace)
        self._trainings = Trainings(workspace, self._tell, self._at_work, self._control.take)
        self._queue = Waiting(workspace, self._trainings, self._tell, self._control)
        self._door = Door(workspace)
        self._began = False
        self._naming = asyncio.Lock()

    @property
    def busy(self) -> bool:
        """Whether something is trained, or will be by itself."""
        return len(self._trainings) > 0 or self._queue.waits

    def begin(self, hold: bool) -> None:
        """Look at the queue from now on; with `hold` what is left of an earlier hub must wait."""
        if not self._began:
            self._began = True
            self._queue.start(hold)

    def attach(self, window: Window) -> None:
        """A window is shown what happens."""
        self.window = window
        window.make_room(len(self._trainings))
        self.begin(hold=True)

    def greeted(self, pid: int) -> None:
        """The window says which process it is."""
        self._control.shown_in(pid)

    def part(self) -> None:
        """The window is gone."""
        self.window = None
        self._control.shown_in(0)

    async def runs(self) -> tuple[RunInfo, ...]:
        """All runs: what waits, as its place tells, then the others, newest first."""
        queued = self._queue.infos()
        names = {info.name for info in queued}
        return (*queued, *(info for info in await self._trainings.runs() if info.name not in names))

    async def start(self, request: StartRun) -> RunInfo:
        """Start a new run or queue it. Raises UserError."""
        async with self._naming:  # two that come at once must not choose the same name
            try:
                if request.queue:
                    self._trainings.prepared(request, waiting(self.workspace))
                    self._control.take()
                    return await self._queue.add(request)
                if request.name in waiting(self.workspace):
                    taken = f"{request.name} waits in the queue already"
                    raise UserError(f"{taken}; choose another name.")
                return await self._trainings.start(request)
            finally:
                self._release()

    async def resume(self, request: ResumeRun) -> RunInfo:
        """Go on with a run, now or when its turn comes. Raises UserError."""
        try:
            if request.queue:
                self._trainings.resumable(request.run, request.changes)
                self._control.take()
                return await self._queue.add(request)
            info = await self._trainings.resume(request)
            await self._queue.forget(request.run)
            return info
        finally:
            self._release()

    def control(self, request: ControlRun) -> None:
        """Hand an action to a run. Raises UserError."""
        self._trainings.control(request)

    def queue(self, id: int) -> Queue:
        """The queue as it is."""
        return self._queue.answer(id)

    async def change_queue(self, request: MoveRun | TakeOut | SetQueue) -> Queue:
        """Change the queue. Raises UserError."""
        self._control.take()
        try:
            return await self._queue.change(request)
        finally:
            self._release()

    async def detach(self, wanted: bool, serve: Callable[..., object]) -> None:
        """Live on without a window, or no longer so. Raises UserError."""
        try:
            if wanted:
                self._control.take()
                await self._door.open(self, serve)
            self._guarded.outlive(wanted)
            self.detached = wanted
        finally:
            self._release()

    async def stay(self) -> None:
        """Return when there is nothing left to do and nobody looks."""
        quiet = 0.0
        while self.window or (self.detached and (self.busy or quiet < GRACE)):
            await asyncio.sleep(_LOOK)
            quiet = 0.0 if self.window or self.busy else quiet + _LOOK

    async def alone(self) -> None:
        """The first stream has ended: train on where that is wished, and return when it is done."""
        if self.detached and not self.leaving:
            self._guarded.let_go(self.workspace / "hub.log")
            await self.stay()

    async def stop(self) -> None:
        """Start nothing more, and let every worker save and leave."""
        self.leaving = True
        self._door.close()
        await self._queue.stop()
        await self._trainings.stop()
        self._control.release()

    def _tell(self, message: Message) -> None:
        if self.window is not None:
            self.window.tell(message)
        if isinstance(message, RunChanged) and message.run.state != "queued":
            self._queue.nudge()

    def _at_work(self, count: int) -> None:
        if self.window is not None:
            self.window.make_room(count)
        self._queue.nudge()
        self._release()

    def _release(self) -> None:
        """Another hub may train here while this one has nothing to."""
        if not self.detached and not self._trainings and self._queue.empty:
            with contextlib.suppress(OSError):
                self._control.release()
