"""One frame of a stream: u32 header length, u32 payload length, JSON header, raw payload.

Both lengths are little-endian. The header is one message of `engine.contract.messages`; the
payload is raw bytes that the message describes. Lengths above the caps are refused before
anything is allocated, so a hostile or torn stream costs at most the bytes that arrived.
"""

import struct
from collections.abc import Iterator

HEADER_CAP = 1 << 20
PAYLOAD_CAP = 64 << 20
_LENGTHS = struct.Struct("<II")


class FrameError(Exception):
    """The stream does not carry frames (or claims an impossible size); close it."""


def encode(header: bytes, payload: bytes = b"") -> bytes:
    """Return the bytes of one frame. Raises FrameError if a part is over its cap."""
    _check(len(header), len(payload))
    return b"".join((_LENGTHS.pack(len(header), len(payload)), header, payload))


class Decoder:
    """Cuts a stream that arrives in any pieces into (header, payload) pairs."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Take bytes as they come and yield each frame that is now whole."""
        self._pending += data
        start = 0
        try:
            while (end := self._end(start)) is not None:
                header_length, _ = _LENGTHS.unpack_from(self._pending, start)
                body = start + _LENGTHS.size
                split = body + header_length
                start = end
                yield bytes(self._pending[body:split]), bytes(self._pending[split:end])
        finally:
            del self._pending[:start]

    def _end(self, start: int) -> int | None:
        """Where the frame at `start` ends, or None while some of it is missing."""
        if len(self._pending) - start < _LENGTHS.size:
            return None
        header, payload = _LENGTHS.unpack_from(self._pending, start)
        _check(header, payload)
        end = start + _LENGTHS.size + header + payload
        return end if len(self._pending) >= end else None


def _check(header: int, payload: int) -> None:
    if not 0 < header <= HEADER_CAP:
        raise FrameError(f"a frame claims a header of {header} bytes")
    if payload > PAYLOAD_CAP:
        raise FrameError(f"a frame claims a payload of {payload} bytes")
