"""What waits to be written to a stream: answers in order, notices newest-wins."""

import asyncio
import itertools
from collections.abc import Callable, Hashable

from engine.contract import frames, messages
from engine.contract.messages import (
    CheckProgress,
    EngineNote,
    ExportProgress,
    Message,
    Progress,
    Queue,
    RunChanged,
)

NOTES = 64  # lines for the log panel that may wait; older ones give way
ROOM = 8 << 20  # bytes that may wait before whoever asks for more is held back


class Outbox:
    """Writes messages in the background, so that sending never waits.

    A reader that stands still costs at most its unread answers (`room` holds back who asks for
    more), `NOTES` lines for the log, and one notice of each kind and run.
    """

    def __init__(self, writer: asyncio.StreamWriter, broken: Callable[[], object] = bool) -> None:
        """`broken` is called when the other side has gone."""
        self._writer, self._broken = writer, broken
        self._waiting: dict[Hashable, bytes] = {}
        self._size, self._closing = 0, False
        self._answers, self._notes = itertools.count(), itertools.count()
        self._filled, self._room = asyncio.Event(), asyncio.Event()
        self._room.set()
        # Little is left to the transport: what it holds can no longer give way to newer news.
        writer.transport.set_write_buffer_limits(high=1 << 16)
        self._pump = asyncio.create_task(self._write())

    @property
    def size(self) -> int:
        """Bytes that wait."""
        return self._size

    def put(self, message: Message, payload: bytes = b"") -> None:
        """Send a message; a notice takes the place of an older one that has not left yet."""
        self.put_frame(frames.encode(messages.encode(message), payload), self._key(message))

    def put_frame(self, frame: bytes, key: Hashable = None) -> None:
        """Send a frame as it is; one with a `key` takes the place of an older one with that key."""
        if self._pump.done():
            return
        key = next(self._answers) if key is None else key
        self._size += len(frame) - len(self._waiting.pop(key, b""))
        self._waiting[key] = frame
        self._filled.set()
        if self._size > ROOM:
            self._room.clear()

    async def room(self) -> None:
        """Wait until the reader has taken what waits, where that is much."""
        await self._room.wait()

    async def close(self, patience: float = 1.0) -> None:
        """Write what waits, for `patience` seconds at most, and close."""
        self._closing = True
        self._filled.set()
        await asyncio.wait([self._pump], timeout=patience)
        self._pump.cancel()
        self._writer.close()

    def _key(self, message: Message) -> Hashable:
        match message:
            case Progress():
                return "progress", message.run
            case ExportProgress():
                return "export", message.export
            case CheckProgress():
                return "check", message.check
            case Queue(id=None):
                return "queue"
            case RunChanged():
                return "run", message.run.name
            case EngineNote():
                return "note", next(self._notes) % NOTES
            case _:
                return None

    async def _write(self) -> None:
        try:
            while self._waiting or not self._closing:
                await self._filled.wait()
                self._filled.clear()
                while self._waiting:
                    self._writer.write(self._take())
                    await self._writer.drain()
        except (ConnectionError, OSError):
            self._broken()
        finally:
            self._waiting.clear()
            self._size = 0
            self._room.set()

    def _take(self) -> bytes:
        frame = self._waiting.pop(next(iter(self._waiting)))
        self._size -= len(frame)
        if not self._size:
            self._room.set()
        return frame
