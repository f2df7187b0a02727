"""One studio on a stream to a hub: what it asks, and what it is answered."""

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
from engine.hub.door import LISTED
from engine.hub.explorer import Explorer
from engine.hub.exports import Exports
from engine.hub.guardian import Guarded
from engine.hub.hub import Hub
from engine.hub.imports import Imports
from engine.hub.outbox import Outbox
from engine.hub.verifying import Checks

Answer = Message | tuple[Message, bytes]
AT_ONCE = 32  # requests in work; a studio that asks for more waits
_LAST = 5.0  # seconds for what was asked last, when the stream has ended
log = logging.getLogger(__name__)


async def serve(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    workspace: Path,
    guarded: Guarded | None = None,
) -> None:
    """Answer a studio until its stream ends; then let every worker save and leave.

    Where it wished so (`Detach`), train on first, for other studios or none.
    """
    hub = Hub(workspace, guarded)
    try:
        await attend(hub, reader, writer)
        await hub.alone()
    finally:
        await hub.stop()


async def attend(hub: Hub, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one studio until its stream ends."""
    outbox = Outbox(writer, broken=lambda: reading.cancel())
    client = Client(hub, outbox)
    hub.attach(client)
    reading = asyncio.create_task(client.read(reader))
    try:
        try:
            await asyncio.wait([reading])
        except asyncio.CancelledError:  # a signal: the window is told how its trainings save
            hub.leaving = True
            raise
        if not reading.cancelled():
            reading.result()
    finally:
        reading.cancel()
        try:
            await client.finish()
            leaves = hub.leaving or not hub.detached
            await asyncio.gather(client.stop(), *([hub.stop()] if leaves else []))
        finally:
            hub.part()
            await outbox.close()


EXPLORED = (
    messages.OpenModel,
    messages.Look,
    messages.Jump,
    messages.Chord,
    messages.Trace,
    messages.Pixels,
    messages.Follow,
    messages.Fields,
    messages.PictureFields,
    messages.Map,
    messages.OpenStep,
    messages.Measure,
)


class Client:
    """One studio: takes its requests as they come and answers each once.

    What was opened for it, explorer and imports, ends with it; what trains belongs to the hub.
    """

    def __init__(self, hub: Hub, outbox: Outbox) -> None:
        self.pid = 0
        self._hub, self._workspace, self._outbox = hub, hub.workspace, outbox
        workspace = hub.workspace
        self._greeted = False
        self._explorer = Explorer(workspace, outbox)
        self._imports = Imports(workspace, outbox)
        self._exports = Exports(workspace, outbox)
        self._checks = Checks(workspace, outbox)
        self._work: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(AT_ONCE)
        self._answers: dict[type[Message], Callable[[Any], Awaitable[Answer | None]]] = {
            messages.GetCatalogue: self._reading(files.catalogue),
            messages.ReadSpec: self._reading(files.spec),
            messages.ReadStart: self._reading(files.start),
            messages.ReadFilm: self._reading(files.film),
            messages.ReadLoss: self._reading(files.loss),
            messages.ReadJournal: self._reading(files.journal),
            messages.ReadSample: self._reading(files.sample),
            messages.ReadLog: self._reading(files.log),
            messages.GetRuns: self._runs,
            messages.StartRun: self._start,
            messages.ResumeRun: self._resume,
            messages.ControlRun: self._control,
            messages.GetQueue: self._queue,
            messages.MoveRun: hub.change_queue,
            messages.TakeOut: hub.change_queue,
            messages.SetQueue: hub.change_queue,
            messages.Detach: self._detach,
            messages.ImportData: self._imports.answer,
            messages.ImportPoints: self._imports.answer,
            messages.Inspect: self._imports.inspect,
            messages.Look: self._look,
            messages.Export: self._exports.answer,
            messages.CancelExport: self._exports.cancel,
            messages.VerifyRun: self._checks.verify,
            messages.TryStep: self._checks.attempt,
            messages.CancelCheck: self._checks.cancel,
        }
        outbox.put(_hello(workspace, hub.detached))

    async def read(self, reader: asyncio.StreamReader) -> None:
        """Take what comes until the stream ends or is none of ours."""
        try:
            async for header, _ in read_frames(reader):
                if not await self._take(header):
                    return
                await self._outbox.room()
        except frames.FrameError as error:
            self._say(f"The engine closes the stream: {error}.")

    def tell(self, message: Message) -> None:
        """Send a notice."""
        self._outbox.put(message)

    def make_room(self, trainings: int) -> None:
        """So many runs are being trained now."""
        self._explorer.make_room(trainings)

    async def finish(self) -> None:
        """Finish what was asked last."""
        await self._imports.stop()
        await self._exports.stop()
        await self._checks.stop()
        if self._work:
            await asyncio.wait(self._work, timeout=_LAST)

    async def stop(self) -> None:
        """End what was opened for this studio."""
        await self._explorer.stop()

    async def _take(self, header: bytes) -> bool:
        """Take one message; False where the stream must end."""
        try:
            message = messages.decode(header)
        except messages.MessageError as error:
            self._outbox.put(Refused(_id(header), f"The engine cannot read a request: {error}."))
            return True
        if isinstance(message, Hello) or not self._greeted:
            return self._greet(message)
        opens_a_file = isinstance(message, messages.Look) and message.file
        if isinstance(message, EXPLORED) and not opens_a_file:
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
        if isinstance(message, Hello):
            self.pid = message.pid
            self._hub.greeted(message.pid)
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

    async def _look(self, request: messages.Look) -> None:
        await self._imports.look(request, self._explorer.ask)

    async def _runs(self, request: messages.GetRuns) -> Answer:
        return messages.Runs(request.id, (await self._hub.runs())[:LISTED])

    async def _start(self, request: messages.StartRun) -> Answer:
        return messages.RunAnswer(request.id, await self._hub.start(request))

    async def _resume(self, request: messages.ResumeRun) -> Answer:
        return messages.RunAnswer(request.id, await self._hub.resume(request))

    async def _control(self, request: messages.ControlRun) -> Answer:
        self._hub.control(request)
        return messages.Done(request.id)

    async def _queue(self, request: messages.GetQueue) -> Answer:
        return self._hub.queue(request.id)

    async def _detach(self, request: messages.Detach) -> Answer:
        await self._hub.detach(request.on, attend)
        return messages.Done(request.id)


class _Id(msgspec.Struct):
    id: int = -1


def _id(header: bytes) -> int:
    """The id in a header that is otherwise unreadable, -1 if there is none."""
    try:
        return msgspec.json.decode(header, type=_Id).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return -1


def _hello(workspace: Path, detached: bool) -> Hello:
    return Hello(
        "flowmap-hub",
        pid=os.getpid(),
        torch=machine.torch_version(),
        device=machine.device(),
        cores=machine.cores(),
        workspace=str(workspace),
        detached=detached,
    )
