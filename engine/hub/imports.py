"""Files that others made, each opened by an inspect worker: imports, pictures, a look inside."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from msgspec.structs import replace

from engine.contract.errors import UserError
from engine.contract.messages import (
    EngineNote,
    ImportData,
    Imported,
    ImportPoints,
    Inspect,
    Inspected,
    Look,
    Message,
    Refused,
    Request,
    TakeIn,
    TakenIn,
)
from engine.contract.paths import to_path
from engine.hub.child import LEAVING, Child, in_words
from engine.hub.outbox import Outbox
from engine.worker.limits import PERIOD, Limits, Watch, limits_for

WORKER = "engine.worker.inspect"
Foreign = ImportData | ImportPoints | Inspect | TakeIn
log = logging.getLogger(__name__)


class Imports:
    """Runs inspect workers beside everything else, and ends them with the hub."""

    def __init__(self, workspace: Path, outbox: Outbox) -> None:
        self._workspace, self._outbox = workspace, outbox
        self._children: set[Child] = set()

    async def answer(self, request: ImportData | ImportPoints) -> Imported:
        """Import a folder, file or drawing. Raises UserError, also where it killed its reader."""
        found = await self._ask(request)
        assert isinstance(found, Imported)
        return found

    async def inspect(self, request: Inspect) -> Inspected:
        """What a file holds. Raises UserError, also where it killed its reader."""
        if request.out and not to_path(request.out).is_absolute():
            raise UserError(f"{request.out!r} is no absolute path; choose a file.")
        found = await self._ask(request)
        assert isinstance(found, Inspected)
        return found

    async def look(self, request: Look, ask: Callable[[Look], Awaitable[None]]) -> None:
        """Take the picture of a `Look` into the workspace and `ask` for the rest. Raises UserError.

        The explorer answers; it never opens a file that this program did not write.
        """
        taken = await self._ask(TakeIn(request.id, request.file))
        assert isinstance(taken, TakenIn)
        if taken.note:
            self._outbox.put(EngineNote("info", taken.note))
        await ask(replace(request, file="", sample=replace(request.sample, picture=taken.name)))

    async def stop(self) -> None:
        """End everything that is under way."""
        for child in tuple(self._children):
            await child.stop(0)

    async def _ask(self, request: Foreign) -> Message:
        limits = Limits()
        if not isinstance(request, ImportPoints):
            path = to_path(request.path)
            if not path.is_absolute():
                raise UserError(f"{request.path!r} is no absolute path; choose a file or folder.")
            asked = (request.memory, request.seconds) if isinstance(request, Inspect) else ()
            limits = limits_for(path, *asked)
        child = await Child.start(WORKER, 1, self._workspace)
        self._children.add(child)
        watch = Watch(child.pid, limits)
        watching = asyncio.create_task(_end_when_wrong(child, watch))
        child.send(request)
        try:
            return await self._outcome(child, request, watch, watching)
        finally:
            self._children.discard(child)
            watching.cancel()
            await child.stop(LEAVING)
            if printed := child.printed():
                log.warning("reading %s printed:\n%s", _subject(request), printed)

    async def _outcome(
        self, child: Child, request: Foreign, watch: Watch, watching: "asyncio.Task[str]"
    ) -> Message:
        async for message, _, _ in child.frames():
            watch.renew()
            match message:
                case Imported() | Inspected() | TakenIn():
                    return message
                case Refused():
                    raise UserError(message.message)
                case EngineNote():
                    self._outbox.put(message)
        how = watching.result() if watching.done() else in_words(await child.stop(LEAVING))
        raise UserError(
            f"{_subject(request)} could not be opened: the process that read it {how}. "
            "Nothing was changed."
        )


async def _end_when_wrong(child: Child, watch: Watch) -> str:
    """End a child that oversteps its limits; how it does."""
    while not (wrong := watch.wrong()):
        await asyncio.sleep(PERIOD)
    child.kill()
    return wrong


def _subject(request: Request) -> str:
    if isinstance(request, ImportPoints):
        return f"The drawing {request.name!r}"
    return str(getattr(request, "path", ""))
