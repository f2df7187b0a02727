"""Imports of data, each in a process of its own."""

import logging
from pathlib import Path

from engine.contract.errors import UserError
from engine.contract.messages import EngineNote, ImportData, Imported, ImportPoints, Refused
from engine.hub.child import LEAVING, Child, in_words
from engine.hub.outbox import Outbox

WORKER = "engine.worker.importing"
log = logging.getLogger(__name__)


class Imports:
    """Runs imports beside everything else, and ends them with the hub."""

    def __init__(self, workspace: Path, outbox: Outbox) -> None:
        self._workspace, self._outbox = workspace, outbox
        self._children: set[Child] = set()

    async def answer(self, request: ImportData | ImportPoints) -> Imported:
        """Import a folder, file or drawing. Raises UserError, also where it killed its reader."""
        if isinstance(request, ImportData) and not Path(request.path).is_absolute():
            raise UserError(f"{request.path!r} is no absolute path; choose a file or folder.")
        child = await Child.start(WORKER, 1, self._workspace)
        self._children.add(child)
        child.send(request)
        try:
            return await self._outcome(child, request)
        finally:
            self._children.discard(child)
            await child.stop(LEAVING)
            if printed := child.printed():
                log.warning("the import of %s printed:\n%s", _source(request), printed)

    async def stop(self) -> None:
        """End every import that is under way."""
        for child in tuple(self._children):
            await child.stop(0)

    async def _outcome(self, child: Child, request: ImportData | ImportPoints) -> Imported:
        async for message, _, _ in child.frames():
            match message:
                case Imported():
                    return message
                case Refused():
                    raise UserError(message.message)
                case EngineNote():
                    self._outbox.put(message)
        code = await child.stop(LEAVING)
        raise UserError(
            f"Importing {_source(request)} failed: the process that read it {in_words(code)}. "
            "Nothing was changed."
        )


def _source(request: ImportData | ImportPoints) -> str:
    return request.path if isinstance(request, ImportData) else f"the drawing {request.name!r}"
