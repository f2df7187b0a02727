"""The hub as a process: on stdin and stdout, or behind its socket alone."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path

from engine.contract.errors import UserError
from engine.hub.guardian import Guarded
from engine.hub.hub import Hub
from engine.hub.server import attend, serve


def run(workspace: Path, guarded: Guarded) -> None:
    """Serve one studio on stdin and stdout, and whoever comes later where it wishes so."""

    async def work() -> None:
        _leave_on_signals()
        await serve(*await _stdio(), workspace, guarded)

    _run(work())


def run_detached(workspace: Path) -> None:
    """Serve whoever comes to the socket, and the queue; says `ready` on stdout, or why not."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    async def work() -> None:
        _leave_on_signals()
        hub = Hub(workspace)
        try:
            await hub.detach(True, attend)
            hub.begin(hold=False)
            os.write(1, b"ready\n")
            os.dup2(2, 1)  # whoever read that is gone
            await hub.stay()
        except UserError as error:
            os.write(1, f"{error}\n".encode())
        finally:
            await hub.stop()

    _run(work())


def _run(work: Coroutine[object, object, None]) -> None:
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(work)


def _leave_on_signals() -> None:
    """The first signal ends the service; a second one must not cut short the saving."""
    task = asyncio.current_task()
    assert task is not None
    asked = False

    def leave() -> None:
        nonlocal asked
        if not asked:
            asked = True
            task.cancel()

    for name in ("SIGTERM", "SIGINT", "SIGHUP"):
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) != signal.SIG_IGN:
            with contextlib.suppress(NotImplementedError):  # Windows
                asyncio.get_running_loop().add_signal_handler(getattr(signal, name), leave)


async def _stdio() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Keep stdin and stdout for frames; whatever prints later lands on stderr."""
    frames_in, frames_out = os.fdopen(os.dup(0), "rb", 0), os.fdopen(os.dup(1), "wb", 0)
    os.dup2(2, 1)
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 18)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), frames_in)
    transport, protocol = await loop.connect_write_pipe(
        lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), frames_out
    )
    return reader, asyncio.StreamWriter(transport, protocol, None, loop)
