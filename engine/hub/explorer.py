"""The explore worker: started when first asked, and started again after a crash."""

import asyncio
import logging
from collections import Counter
from pathlib import Path

from engine.contract import frames
from engine.contract.errors import UserError
from engine.contract.messages import (
    SUPERSEDED,
    EngineNote,
    Look,
    OpenModel,
    Refused,
    Request,
    Threads,
)
from engine.hub import machine
from engine.hub.child import LEAVING, Child, in_words, last_line
from engine.hub.outbox import Outbox

WORKER = "engine.worker.explore"
THREADS = 4  # at most; while something is being trained, one
PENDING = 64  # models that may wait to be opened, and samples to be looked at
ANSWERED_ALL = (OpenModel, Look)  # of every other kind the newest alone
log = logging.getLogger(__name__)


class Explorer:
    """Hands requests to the explore worker and its answers back; every id is answered once.

    Where the newest alone is answered the worker has two of a kind at most, one under way and one
    that replaces it. A third waits here, and gives way to a fourth: whoever asks a thousand times
    a second neither fills the worker nor waits for anything but the last.
    """

    def __init__(self, workspace: Path, outbox: Outbox) -> None:
        self._workspace, self._outbox = workspace, outbox
        self._child: Child | None = None
        self._watching: asyncio.Task[None] | None = None
        self._pending: dict[int, type[Request]] = {}  # at the worker
        self._held: dict[type[Request], Request] = {}  # the third of its kind
        self._threads = _all_threads()
        self._starting = asyncio.Lock()

    def make_room(self, trainings: int) -> None:
        """Take all threads where nothing is being trained, else one.

        Beside a training a second thread made a jump slower (16 pictures: 252 ms against 194 ms).
        """
        self._threads = 1 if trainings else _all_threads()
        if self._child:
            self._child.send(Threads(self._threads))

    async def ask(self, request: Request) -> None:
        """Hand on a request; its answer goes out by itself. Raises UserError."""
        kind, waiting = type(request), Counter(self._pending.values())
        if kind in ANSWERED_ALL and sum(waiting[each] for each in ANSWERED_ALL) >= PENDING:
            raise UserError("The explorer is behind with its answers; try again in a moment.")
        if kind not in ANSWERED_ALL and waiting[kind] >= 2:
            if older := self._held.pop(kind, None):
                self._outbox.put(Refused(older.id, SUPERSEDED))
            self._held[kind] = request
            return
        if self._child is None:
            machine.check_torch()  # it reads a folder: 0.8 ms, which no jump is to pay again
            async with self._starting:  # a picture that was taken in asks beside the stream
                if self._child is None:
                    self._child = await self._start()
                    self._watching = asyncio.create_task(self._watch(self._child))
        self._send(request)

    async def stop(self) -> None:
        """End the worker; it has nothing to save."""
        if self._child:
            await self._child.stop(LEAVING)
        if self._watching:
            await self._watching

    async def _start(self) -> Child:
        # A thread that spins while it waits would starve the one it waits for wherever the cores
        # are shared: 16 pictures took seconds instead of a quarter of one.
        child = await Child.start(WORKER, THREADS, self._workspace, OMP_WAIT_POLICY="PASSIVE")
        child.send(Threads(self._threads))
        return child

    def _send(self, request: Request) -> None:
        assert self._child is not None
        self._pending[request.id] = type(request)
        self._child.send(request)

    async def _watch(self, child: Child) -> None:
        async for message, header, payload in child.frames():
            if isinstance(message, EngineNote):
                self._outbox.put(message)
            elif kind := self._pending.pop(getattr(message, "id", -1), None):
                self._outbox.put_frame(frames.encode(header, payload))
                if held := self._held.pop(kind, None):
                    self._send(held)
        self._child = None  # the next request starts another
        lost = [*self._pending, *(request.id for request in self._held.values())]
        self._pending, self._held = {}, {}
        self._tell_end(await child.stop(LEAVING), child.printed(), lost)

    def _tell_end(self, code: int, printed: str, lost: list[int]) -> None:
        """Say how the worker ended, and refuse what it did not answer."""
        if printed:
            log.warning("the explore worker printed:\n%s", printed)
        if code:
            # What a signal ends prints its stack, if anything: that is for the log.
            words = last_line(printed) if code > 0 else ""
            text = f"The explorer {in_words(code)}{f' ({words})' if words else ''}."
            self._outbox.put(EngineNote("error", text))
        for id in lost:
            text = f"The explorer {in_words(code)} and starts anew; try again."
            self._outbox.put(Refused(id, text))


def _all_threads() -> int:
    """Half the cores: on two, which share one unit of arithmetic, a second thread made 16 pictures
    take 48 to 59 ms instead of 32 to 44.
    """
    return min(THREADS, max(1, machine.cores() // 2))
