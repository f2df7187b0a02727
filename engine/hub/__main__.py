"""`python -m engine.hub --stdio`: the hub on stdin and stdout."""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
from pathlib import Path

from engine.hub.server import serve
from engine.hub.workspace import default_workspace


def main() -> None:
    """Read the command line, then serve."""
    parser = argparse.ArgumentParser(prog="engine.hub", description=__doc__)
    parser.add_argument("--stdio", action="store_true", required=True)
    parser.add_argument("--workspace", type=Path, default=None)
    chosen = parser.parse_args().workspace
    run(chosen.absolute() if chosen else default_workspace())


def run(workspace: Path) -> None:
    """Serve one studio on stdin and stdout, then leave."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_serve(workspace))


async def _serve(workspace: Path) -> None:
    _leave_on_signals()
    await serve(*await _stdio(), workspace)


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
        if hasattr(signal, name):
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


if __name__ == "__main__":
    main()
