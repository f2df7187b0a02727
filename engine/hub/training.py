"""One run that is being trained, and the worker process that does it."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from engine.contract.messages import (
    Action,
    Control,
    EngineNote,
    Left,
    Message,
    Progress,
    RunChanged,
    RunInfo,
    Train,
)
from engine.contract.specs import RunSpec
from engine.hub import machine
from engine.hub.child import Child, in_words, last_line
from engine.runs.folder import RunFolder
from engine.runs.log import log

WORKER = "engine.worker.train"
SAVING = 30.0  # seconds to save and leave in
PERIOD = 0.1  # seconds between two progress notices


class Training:
    """Watches a train worker until it is gone and tells what becomes of its run."""

    def __init__(self, info: RunInfo, folder: Path, tell: Callable[[Message], None]) -> None:
        self.info, self.died = info, False
        self._folder, self._tell = RunFolder(folder), tell
        self._left: Left | None = None
        self._news: Progress | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._told = 0.0

    async def start(self, spec: RunSpec | None, workspace: Path) -> None:
        """Start the worker, for a new run with `spec`, else for the run that lies there."""
        threads = max(1, machine.cores() - 1)  # the window keeps a core
        self._child = await Child.start(WORKER, threads, workspace)
        self._child.send(Train(str(self._folder.path), str(workspace), spec, threads))
        self.watching = asyncio.create_task(self._watch())

    def control(self, action: Action) -> None:
        """Hand an action to the worker."""
        self._child.send(Control(action))
        if action == "stop":
            self._become(replace(self.info, state="stopping"))

    async def stop(self) -> None:
        """Let the worker save and leave, and wait until it is gone."""
        await self._child.stop(SAVING)
        await self.watching

    async def _watch(self) -> None:
        async for message, _, _ in self._child.frames():
            match message:
                case Progress():
                    self._take(message)
                case Left():
                    self._left = message
                case EngineNote():
                    self._tell(message)
        code = await self._child.stop(SAVING)
        if self._timer:
            self._timer.cancel()
        printed = self._child.printed()
        if printed and self._folder.spec_file.exists():
            log(self._folder, f"The worker printed:\n{printed}")
        self._become(self._last_info(code, printed))

    def _take(self, news: Progress) -> None:
        """Keep the newest for the next notice; tell a new state at once."""
        self._news = news = self._corrected(news)
        info = replace(
            self.info,
            state=news.state,
            step=news.step,
            steps=news.steps,
            checkpoint=news.checkpoint,
        )
        if info.state != self.info.state:
            self._become(info)
        self.info = info
        if self._timer is None:
            wait = self._told + PERIOD - time.monotonic()
            self._timer = asyncio.get_running_loop().call_later(max(0.0, wait), self._progress)

    def _corrected(self, news: Progress) -> Progress:
        """The news with what the worker does not know: that it is to stop, and, while it is
        still loading, how far the run has come.
        """
        known = self.info
        stopping = known.state == "stopping"
        return replace(
            news,
            run=known.name,
            state="stopping" if stopping else news.state,
            step=max(news.step, known.step) if news.state == "starting" else news.step,
            steps=news.steps or known.steps,
            checkpoint=max(news.checkpoint, known.checkpoint),
        )

    def _progress(self) -> None:
        assert self._news is not None
        self._timer, self._told = None, time.monotonic()
        self._tell(self._news)

    def _become(self, info: RunInfo) -> None:
        self.info = replace(info, changed=time.time())
        self._tell(RunChanged(self.info))

    def _last_info(self, code: int, printed: str) -> RunInfo:
        if left := self._left:
            step = left.step if left.how != "failed" else max(left.step, self.info.step)
            saved = self.info.checkpoint if left.how == "failed" or not step else step
            return replace(
                self.info, state=left.how, step=step, message=left.message, checkpoint=saved
            )
        self.died = True
        words = last_line(printed) if code >= 0 else ""
        why = f"{in_words(code)} ({words})" if words else in_words(code)
        way_out = "there is no checkpoint yet, so start it again"
        if self.info.checkpoint >= 0:
            way_out = f"resume it from its checkpoint of step {self.info.checkpoint}"
        return replace(self.info, state="failed", message=f"The training process {why}; {way_out}.")
