"""The engine's process seen through its pipes: frames in, frames out, and its end."""

import asyncio
import contextlib
import time
from asyncio import SubprocessProtocol, SubprocessTransport
from collections.abc import Callable
from typing import BinaryIO, cast

from engine.contract.frames import Decoder, FrameError

_PIPE = 1 << 20  # bytes
LINGER = 1.0  # seconds in which a dead process's last words may still arrive
GREETING = b'{"type":"hello"'  # how the header of an engine's first frame begins
NOISE = 1 << 16  # bytes that may come before it
_LENGTHS = 8  # bytes of a frame before its header


class Child(SubprocessProtocol):
    """Cuts stdout into frames; `ended` fires once, when process and pipes are gone.

    What comes before the greeting is left out: where the engine is behind ssh a shell may speak
    first. After a fault, such as a stream that carries no frames, nothing more is taken from it.
    """

    def __init__(self, on_frame: Callable[[bytes, bytes], None]) -> None:
        self.fault = ""  # the sentence to show
        self.greeted = asyncio.Event()  # it said hello, or never will
        self.silent = asyncio.Event()  # no frame will come any more
        self.ended = asyncio.Event()
        self.heard = time.monotonic()  # when it last said something
        self.noise = bytearray()  # what it said before it greeted
        self._speaks = False  # frames, from now on
        self._on_frame = on_frame
        self._decoder = Decoder()
        self._transport: SubprocessTransport | None = None

    @property
    def returncode(self) -> int | None:
        """As `subprocess` has it; None while the process lives."""
        return self._transport.get_returncode() if self._transport else None

    @property
    def pid(self) -> int:
        """The process, 0 where there is none."""
        return self._transport.get_pid() or 0 if self._transport else 0

    def write(self, frame: bytes) -> None:
        """Send a frame; one that comes too late is dropped."""
        if pipe := self._stdin():
            pipe.write(frame)

    def close_stdin(self) -> None:
        """Tell the process to save and leave."""
        if pipe := self._stdin():
            pipe.close()

    def terminate(self) -> None:
        """Ask the process to leave at once."""
        if self._transport and self.returncode is None:
            self._transport.terminate()

    def kill(self) -> None:
        """End the process."""
        if self._transport and self.returncode is None:
            self._transport.kill()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(SubprocessTransport, transport)
        if pipe := self._transport.get_pipe_transport(1):
            _widen(pipe.get_extra_info("pipe"))

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if self.fault:
            return
        self.heard = time.monotonic()
        try:
            for header, payload in self._decoder.feed(data if self._speaks else self._past(data)):
                if not self.fault:
                    self._on_frame(header, payload)
        except FrameError as error:
            self.refuse(f"The engine's stream cannot be read ({error}), so it was closed.")

    def _past(self, data: bytes) -> bytes:
        """What follows the noise; nothing while no greeting has come."""
        self.noise += data
        start = self.noise.find(GREETING) - _LENGTHS
        if start < 0 and len(self.noise) > NOISE:
            raise FrameError(f"no greeting in {len(self.noise)} bytes")
        self._speaks = start >= 0
        frames = bytes(self.noise[start:]) if self._speaks else b""
        if self._speaks:
            del self.noise[start:]
        return frames

    def refuse(self, fault: str) -> None:
        """Take nothing more from this process."""
        self.fault = self.fault or fault
        self.silent.set()

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == 1:
            self.silent.set()

    def process_exited(self) -> None:
        if self._transport:  # a grandchild may hold the pipes open
            asyncio.get_running_loop().call_later(LINGER, self._transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport:
            self._transport.close()  # else it warns that nobody did
        self.silent.set()
        self.ended.set()

    def _stdin(self) -> asyncio.WriteTransport | None:
        if self._transport is None:
            return None
        return cast(asyncio.WriteTransport | None, self._transport.get_pipe_transport(0))


def _widen(pipe: BinaryIO) -> None:
    """Let a pipe hold a whole chunk of a journal: in 64 kB each takes 16 turns of the loop."""
    with contextlib.suppress(ImportError, AttributeError, OSError):  # Linux only; a wish
        import fcntl

        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE)
