"""Where windows come in to a hub that lives on without the one that started it."""

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.contract import frames, messages
from engine.contract.errors import UserError
from engine.contract.messages import Runs
from engine.hub.meeting import ATTACH, BUSY, HERE, LINE, MAGIC, RUNS, leave, listen, owner, possible

if TYPE_CHECKING:
    from engine.hub.hub import Hub

_PATIENCE = 5.0  # seconds for a client's line
LISTED = 2000  # runs of one answer; a header has an upper size


class Door:
    """A socket for this user alone; one window at a time comes in, and anybody may ask for runs."""

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self._path = Path()
        self._server: asyncio.Server | None = None

    async def open(self, hub: "Hub", serve: Callable[..., Any]) -> None:
        """Let windows in; `serve(hub, reader, writer)` serves each. Raises UserError."""
        if self._server is not None:
            return
        if not possible():
            raise UserError("This system cannot keep an engine in the background.")

        async def enter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await self._enter(hub, reader, writer, serve)
            finally:
                writer.close()

        try:
            listening = listen(self._workspace)
        except OSError as error:
            raise UserError(f"The engine cannot stay in the background: {error}.") from error
        self._path = Path(listening.getsockname())
        self._server = await asyncio.start_unix_server(enter, sock=listening, limit=1 << 18)

    def close(self) -> None:
        """Let nobody in any more."""
        if self._server is not None:
            self._server.close()
            self._server = None
            leave(self._path)

    async def _enter(
        self,
        hub: "Hub",
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        serve: Callable[..., Any],
    ) -> None:
        if owner(writer.get_extra_info("socket")) != os.getuid():
            return
        match await _wanted(reader):
            case "attach" if hub.window is not None or hub.leaving:
                pid = hub.window.pid if hub.window is not None else 0
                writer.write(f"{MAGIC} {BUSY} {pid}\n".encode())
            case "attach":
                writer.write(f"{MAGIC} {HERE}\n".encode())
                await serve(hub, reader, writer)
            case "runs":
                runs = Runs(0, (await hub.runs())[:LISTED])
                writer.write(f"{MAGIC} {HERE}\n".encode() + frames.encode(messages.encode(runs)))
                await writer.drain()


async def _wanted(reader: asyncio.StreamReader) -> str:
    """What a client's first line asks for, "" where it is none of ours."""
    with contextlib.suppress(TimeoutError, ValueError, ConnectionError):
        line = await asyncio.wait_for(reader.readline(), _PATIENCE)
        magic, _, want = line[:LINE].decode("ascii", "replace").strip().partition(" ")
        if magic == MAGIC and want in (ATTACH, RUNS):
            return want
    return ""
