"""The explore worker: started when first asked, and started again after a crash."""

import asyncio
import logging
from pathlib import Path

from engine.contract import frames
from engine.contract.errors import UserError
from engine.contract.messages import EngineNote, Refused, Request, Threads
from engine.hub import machine
from engine.hub.child import LEAVING, Child, in_words, last_line
from engine.hub.outbox import Outbox

WORKER = "engine.worker.explore"
THREADS = 4  # at most; while something is being trained, one
PENDING = 64  # requests that may wait for an answer
log = logging.getLogger(__name__)


class Explorer:
    """Hands requests to the explore worker and its answers back; every id is answered once."""

    def __init__(self, workspace: Path, outbox: Outbox) -> None:
        self._workspace, self._outbox = workspace, outbox
        self._child: Child | None = None
        self._watching: asyncio.Task[None] | None = None
        self._pending: set[int] = set()
        self._threads = _all_threads()

    def make_room(self, trainings: int) -> None:
        """Take all threads where nothing is being trained, else one.

        Beside a training a second thread made a jump slower (16 pictures: 252 ms against 194 ms).
        """
        self._threads = 1 if trainings else _all_threads()
        if self._child:
            self._child.send(Threads(self._threads))

    async def ask(self, request: Request) -> None:
        """Hand on a request; its answer goes out by itself. Raises UserError."""
        machine.check_torch()
        if len(self._pending) >= PENDING:
            raise UserError("The explorer is behind with its answers; try again in a moment.")
        if self._child is None:
            self._child = await self._start()
            self._watching = asyncio.create_task(self._watch(self._child))
        self._pending.add(request.id)
        self._child.send(request)

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

    async def _watch(self, child: Child) -> None:
        async for message, header, payload in child.frames():
            if isinstance(message, EngineNote):
                self._outbox.put(message)
            elif (id := getattr(message, "id", None)) in self._pending:
                self._pending.discard(id)
                self._outbox.put_frame(frames.encode(header, payload))
        self._child = None  # the next request starts another
        lost, self._pending = self._pending, set()
        code = await child.stop(LEAVING)
        if printed := child.printed():
            log.warning("the explore worker printed:\n%s", printed)
        if code:
            words = last_line(printed)
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
