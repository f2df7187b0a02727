"""One run that is being trained, and the worker processes that do it, one after the other."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from engine.contract import exits
from engine.contract.errors import UserError
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
from engine.contract.paths import to_text
from engine.contract.specs import RunSpec
from engine.hub import machine
from engine.hub.child import Child, last_line
from engine.hub.ending import Ending
from engine.hub.restarts import MOST, Restarts
from engine.hub.silence import TICK, Silence
from engine.runs.changes import Changes
from engine.runs.folder import RunFolder
from engine.runs.log import log

WORKER = "engine.worker.train"
SAVING = 30.0  # seconds to leave in, once a worker has closed its stream
PERIOD = 0.1  # seconds between two progress notices
PAUSE = 1.0  # seconds before a worker that died is followed by another
STACK = 1.0  # seconds for a worker to print where it is
_LINES = 4  # of a stack that are told at once


class Training:
    """Watches a train worker, starts it again where it died, and tells what becomes of its run."""

    def __init__(
        self, info: RunInfo, folder: Path, tell: Callable[[Message], None], device: str = "cpu"
    ) -> None:
        self.info, self.device, self.died = info, device, False
        self._folder, self._tell = RunFolder(folder), tell
        self._restarts = Restarts()
        self._stop_asked = asyncio.Event()
        self._paused = self._killed = False
        self._news: Progress | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None
        self._told = 0.0

    async def start(
        self,
        spec: RunSpec | None,
        workspace: Path,
        changes: Changes = (),
    ) -> None:
        """Start the worker, for a new run with `spec`, else for the run that lies there."""
        self._workspace, self._changes = workspace, changes
        await self._begin(spec)
        self.watching = asyncio.create_task(self._watch())

    def control(self, action: Action) -> None:
        """Hand an action to the worker; what a stop needs, and a kill, is done here."""
        if action == "kill":
            self._stop_asked.set()
            self._killed = True
            self._note("warning", "was killed, as it was asked for.")
            self._child.kill()
            return
        self._child.send(Control(action))
        if action in ("pause", "continue"):
            self._paused = action == "pause"
        if action == "stop":
            self._become(replace(self.info, state="stopping"))
            self._make_leave()

    async def stop(self) -> None:
        """Let the worker save and leave, and wait until it is gone.

        Whoever waits may be told to hurry; the worker is watched to its end all the same.
        """
        self._make_leave()
        await self._child.close()
        await asyncio.wait([self.watching])

    async def _begin(self, spec: RunSpec | None) -> None:
        threads = max(1, machine.cores() - 1)  # the window keeps a core
        self._left: Left | None = None
        self._silence = Silence()
        self._child = await Child.start(WORKER, threads, self._workspace)
        folder, workspace = to_text(self._folder.path), to_text(self._workspace)
        self._child.send(Train(folder, workspace, spec, threads, self._changes))
        if self._paused:
            self._child.send(Control("pause"))

    def _make_leave(self) -> None:
        self._stop_asked.set()
        if self._ending is None:
            ending = Ending(self._child, self._silence, self._show, self._ended_by_force)
            self._ending = asyncio.create_task(ending.run())

    async def _watch(self) -> None:
        try:
            while await self._goes_on(*await self._live()):
                try:
                    await self._begin(None)
                except UserError as error:
                    self._become(replace(self.info, state="failed", message=str(error)))
                    return
                if self._stop_asked.is_set():  # while it was starting
                    self._end_the_ending()
                    self._make_leave()
                    await self._child.close()
        finally:
            self._end_the_ending()  # also one of a worker that was gone already

    def _end_the_ending(self) -> None:
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None

    async def _live(self) -> tuple[int, str]:
        """One worker, to its end: its exit code, and what it printed."""
        ticking = asyncio.create_task(self._tick())
        async for message, _, _ in self._child.frames():
            match message:
                case Progress():
                    self._take(message)
                case Left():
                    self._left = message
                case EngineNote():
                    self._tell(message)
        code = await self._child.stop(SAVING)
        ticking.cancel()
        self._end_the_ending()
        if self._timer:
            self._timer.cancel()
            self._timer = None
        printed = self._child.printed()
        if printed and self._folder.spec_file.exists():
            log(self._folder, f"The worker printed:\n{printed}")
        return code, printed

    async def _goes_on(self, code: int, printed: str) -> bool:
        """Whether another worker takes over; else what became of the run is told."""
        there = self._folder.spec_file.exists() and not self._child.broken
        died = self._left is None and there and exits.died(code)
        if not died or self._stop_asked.is_set() or not self._restarts.allowed():
            self._become(self._last_info(code, printed, tired=died))
            return False
        where = f"step {self.info.checkpoint}" if self.info.checkpoint >= 0 else "its beginning"
        why = f"The training process {_in_words(code, printed)}; it was started again"
        text = f"{why} from {where} ({self._restarts.count} of {MOST})."
        self._become(replace(self.info, state="starting", message=text))
        self._note("warning", text, ": ")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop_asked.wait(), PAUSE)
            self._become(self._last_info(code, printed, tired=False))
            return False
        return True

    async def _tick(self) -> None:
        """Look now and then whether the worker moves; one that does not is asked where it is."""
        asked = False
        while True:
            await asyncio.sleep(TICK)
            self._silence.tick(time.monotonic())
            self._child.forget_much()
            if not self._silence.silent:
                asked = False
            elif not asked:
                asked = True
                await self._ask_where_it_is()

    async def _ask_where_it_is(self) -> None:
        silence, start = self._silence, self._child.written()
        text = f"has not moved for {silence.seconds:.0f} s ({silence.phase})"
        message = f"It {text}; it can be stopped, or killed."
        self._become(replace(self.info, state="silent", message=message))
        if self._news is not None:
            self._take(self._news, alive=False)
        self._child.show_stack()
        await asyncio.sleep(STACK)
        stack = self._child.told(start).strip()
        log(self._folder, f"It {text}.\n{stack or 'It did not say where it is.'}")
        where = " | ".join(_innermost(stack)) or "it does not say where it is"
        self._note("warning", f"{text}; {where}.")

    def _take(self, news: Progress, alive: bool = True) -> None:
        """Keep the newest for the next notice; tell a new state at once."""
        if alive:
            self._silence.take(news)
        self._news = news = self._corrected(news)
        info = replace(
            self.info,
            state=news.state,
            step=news.step,
            steps=news.steps,
            checkpoint=news.checkpoint,
        )
        if info.state != self.info.state:
            moves = self.info.state == "silent"
            self._become(replace(info, message="") if moves else info)
        self.info = replace(info, message=self.info.message)
        if self._timer is None:
            wait = self._told + PERIOD - time.monotonic()
            self._timer = asyncio.get_running_loop().call_later(max(0.0, wait), self._progress)

    def _corrected(self, news: Progress) -> Progress:
        """The news with what the worker does not know: that it is to stop, that it stands still,
        and, while it is still loading, how far the run has come.
        """
        known = self.info
        state = "silent" if self._silence.silent else news.state
        return replace(
            news,
            run=known.name,
            state="stopping" if known.state == "stopping" else state,
            step=max(news.step, known.step) if news.state == "starting" else news.step,
            steps=news.steps or known.steps,
            checkpoint=max(news.checkpoint, known.checkpoint),
        )

    def _progress(self) -> None:
        assert self._news is not None
        self._timer, self._told = None, time.monotonic()
        self._tell(self._news)

    def _show(self, sentence: str) -> None:
        if sentence != self.info.message:
            self._become(replace(self.info, message=sentence))

    def _ended_by_force(self, sentence: str) -> None:
        self._killed = True
        self._note("warning", sentence)

    def _note(self, level: str, sentence: str, between: str = " ") -> None:
        """Tell what was done with this run, and keep it in its log."""
        text = f"{self.info.name}{between}{sentence}"
        self._tell(EngineNote(level, text))  # type: ignore[arg-type]
        if self._folder.spec_file.exists():
            log(self._folder, text)

    def _become(self, info: RunInfo) -> None:
        self.info = replace(info, changed=time.time())
        self._tell(RunChanged(self.info))

    def _last_info(self, code: int, printed: str, tired: bool) -> RunInfo:
        if left := self._left:
            step = left.step if left.how != "failed" else max(left.step, self.info.step)
            saved = self.info.checkpoint if left.how == "failed" or not step else step
            return replace(
                self.info, state=left.how, step=step, message=left.message, checkpoint=saved
            )
        self.died = True
        way_out = "there is no checkpoint yet, so start it again"
        if self.info.checkpoint >= 0:
            way_out = f"resume it from its checkpoint of step {self.info.checkpoint}"
        often = (
            f" after {self._restarts.count} new starts" if tired and self._restarts.count else ""
        )
        message = f"The training process {_in_words(code, printed)}{often}; {way_out}."
        wished = self._killed and self._stop_asked.is_set()
        return replace(self.info, state="stopped" if wished else "failed", message=message)


def _in_words(code: int, printed: str) -> str:
    words = last_line(printed) if code >= 0 else ""
    return f"{exits.in_words(code)} ({words})" if words else exits.in_words(code)


def _innermost(stack: str) -> list[str]:
    """Where the main thread is, the innermost place first: faulthandler prints that thread last."""
    last = stack.rpartition("most recent call first):")[2]
    return [line.strip() for line in last.splitlines() if line.strip()][:_LINES]
