"""The hub: one studio on a stream, the workspace and the workers behind it."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from engine.contract import frames, messages
from engine.contract.errors import UserError
from engine.contract.messages import EngineNote, Hello, Message, Refused
from engine.contract.version import PROTOCOL, VERSION
from engine.data.errors import DataError
from engine.hub import files, machine
from engine.hub.child import read_frames
from engine.hub.explorer import Explorer
from engine.hub.exports import Exports
from engine.hub.imports import Imports
from engine.hub.outbox import Outbox
from engine.hub.trainings import Trainings

Answer = Message | tuple[Message, bytes]
AT_ONCE = 32  # requests in work; a studio that asks for more waits
LISTED = 2000  # runs of one answer; a header has an upper size
_LAST = 5.0  # seconds for what was asked last, when the stream has ended
log = logging.getLogger(__name__)


async def serve(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, workspace: Path
) -> None:
    """Answer a studio until its stream ends; then let every worker save and leave."""
    outbox = Outbox(writer, broken=lambda: reading.cancel())
    hub = Hub(workspace, outbox)
    reading = asyncio.create_task(hub.read(reader))
    try:
        await asyncio.wait([reading])
        if not reading.cancelled():
            reading.result()
    finally:
        reading.cancel()
        await hub.stop()
        await outbox.close()


EXPLORED = (
    messages.OpenModel,
    messages.Look,
    messages.Jump,
    messages.Trace,
    messages.Follow,
    messages.Fields,
    messages.Map,
    messages.OpenStep,
    messages.Measure,
)


class Hub:
    """Takes requests as they come and answers each once."""

    def __init__(self, workspace: Path, outbox: Outbox) -> None:
        self._workspace, self._outbox = workspace, outbox
        self._greeted = False
        self._explorer = Explorer(workspace, outbox)
        self._trainings = Trainings(workspace, outbox.put, self._explorer.make_room)
        self._imports = Imports(workspace, outbox)
        self._exports = Exports(workspace, outbox)
        self._work: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(AT_ONCE)
        self._answers: dict[type[Message], Callable[[Any], Awaitable[Answer]]] = {
            messages.GetCatalogue: self._reading(files.catalogue),
            messages.ReadSpec: self._reading(files.spec),
            messages.ReadStart: self._reading(files.start),
            messages.ReadFilm: self._reading(files.film),
            messages.ReadLoss: self._reading(files.loss),
            messages.ReadJournal: self._reading(files.journal),
            messages.ReadSample: self._reading(files.sample),
            messages.GetRuns: self._runs,
            messages.StartRun: self._start,
            messages.ResumeRun: self._resume,
            messages.ControlRun: self._control,
            messages.ImportData: self._imports.answer,
            messages.ImportPoints: self._imports.answer,
            messages.Export: self._exports.answer,
            messages.CancelExport: self._exports.cancel,
        }
        outbox.put(_hello(workspace))

    async def read(self, reader: asyncio.StreamReader) -> None:
        """Take what comes until the stream ends or is none of ours."""
        try:
            async for header, _ in read_frames(reader):
                if not await self._take(header):
                    return
                await self._outbox.room()
        except frames.FrameError as error:
            self._say(f"The engine closes the stream: {error}.")

    async def stop(self) -> None:
        """Finish what was asked last, then let every worker save and leave."""
        await self._imports.stop()
        await self._exports.stop()
        if self._work:
            await asyncio.wait(self._work, timeout=_LAST)
        await asyncio.gather(self._trainings.stop(), self._explorer.stop())

    async def _take(self, header: bytes) -> bool:
        """Take one message; False where the stream must end."""
        try:
            message = messages.decode(header)
        except messages.MessageError as error:
            self._outbox.put(Refused(_id(header), f"The engine cannot read a request: {error}."))
            return True
        if isinstance(message, Hello) or not self._greeted:
            return self._greet(message)
        if isinstance(message, EXPLORED):
            await self._refusing(message, self._explorer.ask)
        elif type(message) in self._answers:
            await self._room.acquire()
            task = asyncio.create_task(self._answer(message))
            self._work.add(task)
            task.add_done_callback(self._finished)
        else:
            name = type(message).__name__
            self._outbox.put(Refused(getattr(message, "id", -1), f"{name} is no request."))
        return True

    def _greet(self, message: Message) -> bool:
        self._greeted = isinstance(message, Hello) and message.protocol == PROTOCOL
        if not isinstance(message, Hello):
            self._say("The engine closes the stream: its first message is no greeting.")
        elif not self._greeted:
            self._say(
                f"The window (version {message.version}, protocol {message.protocol}) and the "
                f"engine (version {VERSION}, protocol {PROTOCOL}) do not speak the same language; "
                "install the same version of both."
            )
        return self._greeted

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._work.discard(task)
        self._room.release()

    async def _answer(self, request: Any) -> None:
        await self._refusing(request, self._answers[type(request)])

    async def _refusing(self, request: Any, handle: Callable[[Any], Awaitable[Any]]) -> None:
        """Handle a request; whatever goes wrong becomes one sentence."""
        try:
            answer = await handle(request)
        except (UserError, DataError) as error:
            answer = Refused(request.id, str(error))
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            answer = Refused(request.id, f"{where}{error.strerror or error}.")
        except Exception as error:  # the border of the process
            log.exception("%s failed", type(request).__name__)
            answer = Refused(request.id, f"The engine met a fault of its own: {error!r}.")
        if isinstance(answer, tuple):
            self._outbox.put(*answer)
        elif answer is not None:
            self._outbox.put(answer)

    def _say(self, text: str) -> None:
        self._outbox.put(EngineNote("error", text))

    def _reading(self, read: Callable[[Path, Any], Answer]) -> Callable[[Any], Awaitable[Answer]]:
        """Reads of files leave the loop, so that a slow disk holds up nothing else."""

        async def answer(request: Any) -> Answer:
            return await asyncio.to_thread(read, self._workspace, request)

        return answer

    async def _runs(self, request: messages.GetRuns) -> Answer:
        return messages.Runs(request.id, (await self._trainings.runs())[:LISTED])

    async def _start(self, request: messages.StartRun) -> Answer:
        return messages.RunAnswer(request.id, await self._trainings.start(request))

    async def _resume(self, request: messages.ResumeRun) -> Answer:
        return messages.RunAnswer(request.id, await self._trainings.resume(request))

    async def _control(self, request: messages.ControlRun) -> Answer:
        self._trainings.control(request)
        return messages.Done(request.id)


class _Id(msgspec.Struct):
    id: int = -1


def _id(header: bytes) -> int:
    """The id in a header that is otherwise unreadable, -1 if there is none."""
    try:
        return msgspec.json.decode(header, type=_Id).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return -1


def _hello(workspace: Path) -> Hello:
    return Hello(
        "flowmap-hub",
        pid=os.getpid(),
        torch=machine.torch_version(),
        device=machine.device(),
        cores=machine.cores(),
        workspace=str(workspace),
    )
