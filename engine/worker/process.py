"""What every worker process does: own the stdio stream, stay polite, never outlive its parent."""

import faulthandler
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from engine.contract import frames, messages
from engine.contract.errors import UserError
from engine.contract.exits import NO_TORCH as EXIT_NO_TORCH
from engine.contract.messages import AnyMessage, EngineNote, Message
from engine.worker.parent import leave_with_parent

__all__ = [
    "EXIT_NO_TORCH",
    "Channel",
    "Received",
    "interrupts",
    "settle",
    "take_stdio",
    "torch_version",
]

_PIECE = 1 << 16


class Received(NamedTuple):
    """One message of the other side and its payload."""

    message: AnyMessage
    payload: bytes


class Channel:
    """Messages over two file descriptors: a thread reads, any thread may send.

    `ended` is set when the other side closed the stream or sent what are no frames.
    """

    def __init__(self, reader: int, writer: int) -> None:
        self._reader, self._writer = reader, writer
        self._queue: queue.SimpleQueue[Received | None] = queue.SimpleQueue()
        self._sending = threading.Lock()
        self.ended = threading.Event()
        threading.Thread(target=self._read, name="frames", daemon=True).start()

    def send(self, message: Message, payload: bytes = b"") -> None:
        """Send one message, whole; where nobody listens any more it is dropped."""
        frame = memoryview(frames.encode(messages.encode(message), payload))
        with self._sending:
            try:
                while frame:
                    frame = frame[os.write(self._writer, frame) :]
            except OSError:
                self.ended.set()

    def receive(self, timeout: float | None = None) -> Received | None:
        """The next message, in order; None when the stream has ended.

        Raises queue.Empty where nothing came within `timeout` seconds (0: at once).
        """
        found = self._queue.get(timeout != 0, timeout)
        if found is None:
            self._queue.put(None)  # ended for every later call too
        return found

    def _read(self) -> None:
        decoder = frames.Decoder()
        try:
            while piece := os.read(self._reader, _PIECE):
                for header, payload in decoder.feed(piece):
                    self._take(header, payload)
        except (OSError, frames.FrameError) as error:
            self.send(EngineNote("error", f"The stream to this worker broke: {error}."))
        self.ended.set()
        self._queue.put(None)

    def _take(self, header: bytes, payload: bytes) -> None:
        try:
            self._queue.put(Received(messages.decode(header), payload))
        except messages.MessageError as error:
            self.send(EngineNote("warning", f"A worker left out an {error}."))


def take_stdio() -> Channel:
    """Keep stdin and stdout for frames; whatever prints later lands on stderr."""
    reader, writer = os.dup(0), os.dup(1)
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return Channel(reader, writer)


def settle(niceness: int = 10) -> None:
    """Yield to the window, leave (SIGTERM) when the parent dies, print the stack of a crash.

    SIGUSR1 prints the stacks of all threads, and nothing else happens.
    """
    faulthandler.enable(sys.stderr)
    if hasattr(signal, "SIGUSR1"):
        faulthandler.register(signal.SIGUSR1, sys.stderr, all_threads=True)
    if hasattr(os, "nice"):
        os.nice(max(0, niceness - os.nice(0)))
    leave_with_parent()


@contextmanager
def interrupts() -> Iterator[Callable[[], bool]]:
    """Tell whether a signal asked to leave; a second signal changes nothing."""
    asked: list[int] = []  # no Event: a signal that interrupts its handler would lock it for ever
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    names = ("SIGTERM", "SIGINT", "SIGHUP")
    kinds = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {kind: signal.signal(kind, lambda kind, _: asked.append(kind)) for kind in kinds}
    try:
        yield lambda: bool(asked)
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


def torch_version() -> str:
    """Load torch and return its version. Raises UserError where it is not installed."""
    try:
        import torch
    except ImportError as error:
        raise UserError(
            "The engine needs PyTorch, which is not installed here; "
            "install it with: pip install torch."
        ) from error
    return str(torch.__version__)
