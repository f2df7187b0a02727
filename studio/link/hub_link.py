"""The engine hub as a child process, spoken to over its stdin and stdout."""

import asyncio
import itertools
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from subprocess import PIPE

import msgspec
from PySide6.QtCore import QObject

from engine.contract.frames import encode as frame
from engine.contract.messages import (
    EngineNote,
    Hello,
    Message,
    MessageError,
    Refused,
    Request,
    decode,
    encode,
)
from engine.contract.version import PROTOCOL, VERSION
from studio.link.child import Child
from studio.link.link import Link, LinkClosed, Refusal
from studio.link.log import WORDS, default_log, last_words, open_log

HUB = (sys.executable, "-m", "engine.hub", "--stdio")
GREETING = 60.0  # seconds for the engine's first word; a cold disk is slow
SAVING = 150.0  # seconds without a word while it saves; more than the hub gives its own workers
LEAVING = 2.0  # seconds to leave after being told to
PARTING = 10.0  # seconds for the process that leads to an engine which lives on
RETURNS = (1.0, 2.0, 4.0, 8.0, 16.0)  # seconds before each try to come back to one that was lost
UNREACHED = "The engine was not found again; start it anew to see how its trainings went."
_ENDED = 1  # exit code of what leads to an engine in the background, where that ended by itself


class _Answered(msgspec.Struct, frozen=True):
    id: int | None = None


class HubLink(Link):
    """Runs `command` as a child and pairs its answers with our requests by their ids."""

    def __init__(
        self,
        workspace: Path | None = None,
        command: Sequence[str] = HUB,
        log: Path | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._command = [*command, *(("--workspace", str(workspace)) if workspace else ())]
        self.log = log or default_log()
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[tuple[Message, bytes]]] = {}
        self._child: Child | None = None
        self._life: asyncio.Task[None] | None = None
        self._returning: asyncio.Task[None] | None = None
        self._open = self._lives_on = False
        self._stopping = self._parting = False
        self._log_start = 0

    @property
    def pid(self) -> int:
        """The hub's process, 0 where there is none."""
        return self._child.pid if self._child else 0

    async def start(self) -> None:
        if self._life is not None and self._child is not None:
            if not self._stopping and not self._child.silent.is_set():
                await self._child.greeted.wait()  # it is open, or somebody else starts it
                return
            await asyncio.shield(self._life)  # the one before may still be saving
        self._stopping = self._parting = self._lives_on = False
        self._child = child = Child(self._on_frame)
        self._life = asyncio.create_task(self._live(child))
        if not await _within(child.greeted, GREETING):
            child.refuse(_no_greeting(child))

    async def request(self, build: Callable[[int], Request]) -> tuple[Message, bytes]:
        if not self._open or self._child is None:
            raise LinkClosed("The engine is not running.")
        request = build(next(self._ids))
        answer: asyncio.Future[tuple[Message, bytes]] = asyncio.get_running_loop().create_future()
        self._waiting[request.id] = answer
        try:
            self._child.write(frame(encode(request)))
            return await answer
        finally:
            self._waiting.pop(request.id, None)

    async def stop(self, patience: float = SAVING) -> None:
        """Close stdin, so that it saves and leaves; it is ended `patience` seconds after its last
        word: while its workers save and say so, it is waited for.
        """
        self._stay_away()
        if self._child is None or self._life is None:
            return
        self._stopping = True
        self._fail("The engine was stopped.")
        await _reap(self._child, patience)
        await asyncio.shield(self._life)

    async def part(self) -> None:
        """Close stdin; what ends then is a guardian or a pump, and the hub behind it lives on.

        It is never ended by force here: where there is neither, that would be the hub.
        """
        self._stay_away()
        if self._child is None or self._life is None:
            return
        self._stopping = self._parting = True
        self._fail("The engine trains on in the background.")
        self._child.close_stdin()
        await asyncio.wait([self._life], timeout=PARTING)

    async def _live(self, child: Child) -> None:
        """One child from birth to burial; `closed` is told as soon as it has no more to say."""
        why = await self._begin(child)
        lost = False
        if not why:
            await child.silent.wait()
            why = await self._reason(child)
            lost = self._is_lost(child)
        self._fail(why or "The engine was stopped.")
        child.greeted.set()
        self.returning = self.returning or lost
        self.closed.emit("" if self._stopping else why)
        if self._parting:
            await child.ended.wait()
        else:
            await _reap(child, SAVING)
        if lost and not self._stopping:  # nobody left while the child was buried
            self._returning = asyncio.create_task(self._come_back())
        else:
            self.returning = self.returning and not self._stopping

    def _is_lost(self, child: Child) -> bool:
        """Whether only the way to an engine has ended, which trains on without a window."""
        wished = self._stopping or bool(child.fault)
        return self._lives_on and not wished and child.returncode != _ENDED

    async def _come_back(self) -> None:
        """Attach again to an engine that was lost; what waits longer and longer gives up."""
        try:
            for wait in RETURNS:
                await asyncio.sleep(wait)
                await self.start()
                if self._open:
                    return
        finally:
            self.returning = False
        self.closed.emit(UNREACHED)

    def _stay_away(self) -> None:
        if self._returning is not None:
            self._returning.cancel()

    async def _begin(self, child: Child) -> str:
        """Start the process and greet it; returns what went wrong, if anything."""
        loop = asyncio.get_running_loop()
        try:
            with open_log(self.log) as log:
                self._log_start = log.tell()
                await loop.subprocess_exec(
                    lambda: child,
                    *self._command,
                    stdin=PIPE,
                    stdout=PIPE,
                    stderr=log,
                    start_new_session=True,  # Ctrl-C is for the window, which lets it save
                )
        except OSError as error:
            child.ended.set()
            return f"The engine could not be started: {error.strerror} ({error.filename})."
        child.write(frame(encode(Hello("flowmap-studio", pid=os.getpid()))))
        if self._stopping:
            child.close_stdin()
        return ""

    async def _reason(self, child: Child) -> str:
        """Why the stream ended, in a sentence."""
        if child.fault:
            return child.fault
        await _within(child.ended, LEAVING)
        words, code = last_words(self.log, self._log_start), child.returncode
        how = "it closed its stream" if code is None else f"exit code {code}"
        how = f"signal {-code}" if code and code < 0 else how
        if self._is_lost(child):
            lost = f"The connection to the engine was lost ({how}{words})"
            return f"{lost}; it trains on, and this window comes back to it by itself."
        return f"The engine stopped unexpectedly ({how}{words}); its log is {self.log}."

    def _fail(self, why: str) -> None:
        """Take no more requests, and fail those that wait."""
        self._open = False
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(LinkClosed(why))

    def _on_frame(self, header: bytes, payload: bytes) -> None:
        try:
            message = decode(header)
        except MessageError:
            self._on_unreadable(header)
            return
        if not self._open:
            self._on_greeting(message)
        elif (number := getattr(message, "id", None)) is None:
            self.noticed.emit(message, payload)
        elif answer := self._unanswered(number):
            if isinstance(message, Refused):
                answer.set_exception(Refusal(message.message))
            else:
                answer.set_result((message, payload))

    def _on_greeting(self, message: Message | None) -> None:
        assert self._child is not None
        if self._stopping or self._child.greeted.is_set():
            return  # what it says after the end
        if not isinstance(message, Hello):
            self._child.refuse("The engine did not greet: it is not a Flow Map Studio engine.")
        elif message.protocol != PROTOCOL:
            self._child.refuse(
                f"The engine speaks protocol {message.protocol} (version {message.version}), this"
                f" window protocol {PROTOCOL} (version {VERSION}): install one version of both."
            )
        else:
            self._open, self._lives_on = True, message.detached
            self._child.greeted.set()
            self.opened.emit(message)

    def _on_unreadable(self, header: bytes) -> None:
        """Refuse the one request whose answer cannot be read; anything else is only noted."""
        if not self._open:
            self._on_greeting(None)
            return
        try:
            number = msgspec.json.decode(header, type=_Answered).id
        except (msgspec.DecodeError, RecursionError):
            number = None
        text = "The engine said something that this version cannot read."
        if answer := self._unanswered(number):
            answer.set_exception(Refusal(text))
        else:
            self.noticed.emit(EngineNote("warning", text), b"")

    def _unanswered(self, number: int | None) -> asyncio.Future[tuple[Message, bytes]] | None:
        answer = self._waiting.get(number) if number is not None else None
        return answer if answer and not answer.done() else None


async def _reap(child: Child, patience: float) -> None:
    """Close stdin and wait for the end; `patience` seconds after its last word, and no sooner,
    tell it to leave, then kill it.
    """
    child.close_stdin()
    closed = time.monotonic()
    while (left := max(closed, child.heard) + patience - time.monotonic()) > 0:
        if await _within(child.ended, left):
            return
    child.terminate()
    if not await _within(child.ended, LEAVING):
        child.kill()
    await child.ended.wait()


def _no_greeting(child: Child) -> str:
    words = bytes(child.noise).decode("utf-8", "replace").split()
    said = f"; it said: {' '.join(words)[:WORDS]}" if words else ""
    return f"The engine did not answer within {GREETING:.0f} seconds{said}."


async def _within(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
