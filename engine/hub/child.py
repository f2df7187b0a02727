"""A process of this program that the hub starts, speaks frames with, and ends."""

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import BinaryIO

from engine.contract import frames, messages
from engine.contract.errors import UserError
from engine.contract.exits import in_words
from engine.contract.messages import Hello, Message
from engine.contract.paths import to_text
from engine.contract.version import PROTOCOL
from engine.hub.outbox import Outbox

__all__ = ["LEAVING", "Child", "environment", "in_words", "last_line", "read_frames"]

_ROOT = Path(__file__).resolve().parents[2]
_PIECE = 1 << 18
_PRINTED = 1 << 18  # bytes kept of what a process printed
_TOO_MUCH = 16 << 20  # bytes of it that may lie on the disk while it runs
LEAVING = 5.0  # seconds to leave in, where nothing is to be saved, or after SIGTERM


def environment(threads: int, extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of a child: this very program whatever the working folder holds."""
    found = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    count = str(threads)
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(found),
        "PYTHONSAFEPATH": "1",
        "OMP_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        **extra,
    }


def last_line(text: str) -> str:
    """The last line of what a process printed: where Python names the error."""
    return text.splitlines()[-1].strip() if text else ""


class Child:
    """A running worker. It leads its own process group, so that nothing of it outlives the hub."""

    def __init__(
        self, process: asyncio.subprocess.Process, printed: BinaryIO, workspace: Path
    ) -> None:
        assert process.stdin is not None
        self._process, self._printed = process, printed
        self.greeted = self.broken = False  # it said hello; it was killed for what are no frames
        self._outbox = Outbox(process.stdin)
        self._outbox.put(Hello("flowmap-hub", pid=os.getpid(), workspace=to_text(workspace)))
        self._reaper = asyncio.create_task(self._reap())

    @classmethod
    async def start(cls, module: str, threads: int, workspace: Path, **extra: str) -> "Child":
        """Start `python -m MODULE`; `extra` is added to its environment. Raises UserError."""
        with contextlib.ExitStack() as unless_it_starts:
            # A file, not a pipe: printing must neither block nor fail, whatever becomes of the hub.
            printed = unless_it_starts.enter_context(tempfile.TemporaryFile())
            try:
                process = await cls._spawn(module, printed, environment(threads, extra))
            except OSError as error:
                raise UserError(f"A worker cannot be started: {error.strerror}.") from error
            unless_it_starts.pop_all()
        return cls(process, printed, workspace)

    @staticmethod
    async def _spawn(
        module: str, printed: BinaryIO, environment: Mapping[str, str]
    ) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=printed,
            env=environment,
            start_new_session=True,
            limit=_PIECE,
        )

    @property
    def pid(self) -> int:
        """The number that the system gave it."""
        return self._process.pid

    def send(self, message: Message) -> None:
        """Send a message; a child that has gone takes it silently (its death is told apart)."""
        self._outbox.put(message)

    async def frames(self) -> AsyncIterator[tuple[messages.AnyMessage, bytes, bytes]]:
        """Message, header and payload of each frame until the child ends the stream.

        A child that breaks the protocol, or speaks another version of it, is killed.
        """
        assert self._process.stdout is not None
        try:
            async for header, payload in read_frames(self._process.stdout):
                message = messages.decode(header)
                self.greeted = True
                if not isinstance(message, Hello):
                    yield message, header, payload
                elif message.protocol != PROTOCOL:
                    break
            else:
                return
        except (frames.FrameError, messages.MessageError):
            pass
        self.broken = True
        self.kill()

    async def close(self) -> None:
        """End its stream, which means: save and leave."""
        await self._outbox.close(1.0)

    async def stop(self, patience: float) -> int:
        """End its stream, which means: save and leave; after `patience` end the process.

        Returns its exit code, negative for a signal.
        """
        await self._outbox.close(min(patience, 1.0))
        for seconds, end in ((patience, self.terminate), (LEAVING, self.kill)):
            done, _ = await asyncio.wait([self._reaper], timeout=seconds)
            if not done:
                end()
        return await self._reaper

    def printed(self) -> str:
        """The end of what a child that has gone printed; to be asked once."""
        with self._printed as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _PRINTED))
            return file.read().decode("utf-8", "replace").strip("\0 \r\n\t")

    def written(self) -> int:
        """Bytes that it printed so far."""
        return os.fstat(self._printed.fileno()).st_size

    def told(self, start: int) -> str:
        """What a living child printed from byte `start` on; the place where it writes stays."""
        size = min(self.written() - start, _PRINTED)
        return os.pread(self._printed.fileno(), max(0, size), start).decode("utf-8", "replace")

    def forget_much(self) -> None:
        """Let go of what it printed where that is too much: it writes on behind a hole."""
        if os.fstat(self._printed.fileno()).st_blocks * 512 > _TOO_MUCH:
            os.ftruncate(self._printed.fileno(), 0)

    def show_stack(self) -> None:
        """Ask it to print where all its threads are (`engine.worker.process.settle`)."""
        if self.greeted and hasattr(signal, "SIGUSR1"):
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGUSR1)

    def kill(self) -> None:
        """Kill the process and all that it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()

    def terminate(self) -> None:
        """Ask the process to leave by a signal."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()

    async def _reap(self) -> int:
        code = await self._process.wait()
        self.kill()  # what it started must not outlive it, nor keep its stream open
        return code


async def read_frames(reader: asyncio.StreamReader) -> AsyncIterator[tuple[bytes, bytes]]:
    """(header, payload) of each frame of a stream; a torn last one is left out."""
    decoder = frames.Decoder()
    while data := await _piece(reader):
        for frame in decoder.feed(data):
            yield frame


async def _piece(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(_PIECE)
    except ConnectionError:
        return b""
