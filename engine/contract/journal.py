"""The journal of a run: an append-only file of framed records, read the same way everywhere.

A record is `FJ`, kind byte, zero byte, u32 length, u32 crc32(kind + body), body (little-endian).
Kind `E` carries one event as JSON; kind `M` carries rows of metrics as float64, one column for
each name of the newest `Columns` event. A torn tail waits for its rest; after damage the reader
takes up again at the next record whose checksum holds, and reports the gap.

A row of step k tells of the k-th update of the network. Nothing is ever rewritten: a training that
goes on from the checkpoint of step k appends `Started(k)`, which takes back every row and event
before it in the file whose step is beyond k. `engine.contract.history` reads by this rule.
"""

import struct
import zlib
from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

_HEAD = struct.Struct("<2sBxII")
_CRC_AT = 8  # bytes of the head before the checksum
_MAGIC = b"FJ"
BODY_CAP = 1 << 24
COLUMNS = 1000  # metrics at most: each of them takes memory in every reader
SLAB = 1 << 18  # bytes of rows, about, that a reader hands out at once
_EVENT, _METRICS = ord("E"), ord("M")


class Columns(msgspec.Struct, frozen=True, tag_field="type", tag="columns"):
    """Names of the metrics in the rows that follow; the first is always `step`."""

    names: tuple[str, ...]


class Started(msgspec.Struct, frozen=True, tag_field="type", tag="started"):
    """Training began, or went on from a checkpoint, at `step` (unix time in seconds).

    `changes` are the fields of the spec, as key and value, that are other than in spec.toml from
    here on: the newest `Started` of a file names all that stand.
    """

    step: int
    at: float
    device: str
    threads: int
    version: str
    parameters: int = 0
    changes: tuple[tuple[str, str], ...] = ()


class Sampled(msgspec.Struct, frozen=True, tag_field="type", tag="sampled"):
    """A preview lies in `samples/FILE`."""

    step: int
    file: str


class Sealed(msgspec.Struct, frozen=True, tag_field="type", tag="sealed"):
    """A checkpoint of `step` was written and verified."""

    step: int


class Skipped(msgspec.Struct, frozen=True, tag_field="type", tag="skipped"):
    """A step was not taken because the loss or its gradient was not finite.

    `file` names what it was given, `bad/FILE` of the run, where that was kept.
    """

    step: int
    reason: str
    file: str = ""


class Noticed(msgspec.Struct, frozen=True, tag_field="type", tag="noticed"):
    """One sentence for the user (a fallback, a full disk, a skipped preview)."""

    step: int
    message: str


class Ended(msgspec.Struct, frozen=True, tag_field="type", tag="ended"):
    """Training left: `finished` all steps, was `stopped` (saved, can go on) or `failed`."""

    step: int
    at: float
    how: str
    message: str = ""
    seconds: float = 0.0


Event = Columns | Started | Sampled | Sealed | Skipped | Noticed | Ended


class Rows(msgspec.Struct, frozen=True):
    """Rows of metrics: float64 `[rows, columns]`, NaN where a value was not finite or not there."""

    names: tuple[str, ...]
    values: NDArray[np.float64]


class Gap(msgspec.Struct, frozen=True):
    """Bytes `start` to `end` of the file hold no readable record."""

    start: int
    end: int


def encode_event(event: Event) -> bytes:
    """One record for an event."""
    return _record(_EVENT, msgspec.json.encode(event))


def encode_rows(values: NDArray[np.float64]) -> bytes:
    """One record for rows of metrics, `[rows, columns]`."""
    return _record(_METRICS, np.ascontiguousarray(values, "<f8").tobytes())


def _record(kind: int, body: bytes) -> bytes:
    if len(body) > BODY_CAP:
        raise ValueError(f"a journal record of {len(body)} bytes is over the cap")
    return _HEAD.pack(_MAGIC, kind, len(body), zlib.crc32(body, kind)) + body


class Reader:
    """Reads a journal that arrives in any pieces, from its first byte."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._start = 0  # offset in the file of the first pending byte
        self._names: tuple[str, ...] = ()
        self._decode = msgspec.json.Decoder(Event).decode

    @property
    def offset(self) -> int:
        """Where the last whole record ends: a writer that goes on cuts the file here."""
        return self._start

    def feed(self, data: bytes) -> Iterator[Event | Rows | Gap]:
        """Take the next bytes of the file and yield every record that is now whole.

        Rows of records that follow each other come together, so that a million of them are read by
        arrays and not one by one.
        """
        self._pending += data
        at, size = 0, 0
        slab: list[bytes] = []
        try:
            while (found := self._next(at)) is not None:
                begin, end, kind = found
                if slab and (begin > at or kind == _EVENT or size >= SLAB):
                    yield self._rows(slab)
                    slab, size = [], 0
                if begin > at:
                    yield Gap(self._start + at, self._start + begin)
                if kind == _METRICS:
                    at = self._alike(begin, end)
                    size += at - begin
                    slab += self._bodies(begin, end, at)
                    continue
                at = end
                try:
                    yield self._event(bytes(self._pending[begin + _HEAD.size : end]))
                except (msgspec.DecodeError, ValueError, RecursionError):
                    yield Gap(self._start + begin, self._start + end)  # of a newer version
            if slab:
                yield self._rows(slab)
        finally:
            del self._pending[:at]
            self._start += at

    def forget_tail(self) -> None:
        """Drop the bytes behind `offset`, to read them anew: a writer may have cut them off."""
        self._pending.clear()

    def _next(self, at: int) -> tuple[int, int, int] | None:
        """(begin, end, kind) of the first record at or after `at` whose checksum holds."""
        begin = self._pending.find(_MAGIC, at)
        while begin >= 0 and len(self._pending) - begin >= _HEAD.size:
            _, kind, length, crc = _HEAD.unpack_from(self._pending, begin)
            end = begin + _HEAD.size + length
            if length <= BODY_CAP and kind in (_EVENT, _METRICS):
                body = memoryview(self._pending)[begin + _HEAD.size : end]
                whole = len(body) == length
                good = whole and zlib.crc32(body, kind) == crc
                body.release()
                if good:
                    return begin, end, kind
            begin = self._pending.find(_MAGIC, begin + 1)
        return None

    def _alike(self, begin: int, end: int) -> int:
        """Where the records of rows end that follow the one in [begin, end) and are of its size.

        Checksums are compared for all of them at once; the first that does not hold is left to
        `_next`.
        """
        head, size = self._pending[begin : begin + _CRC_AT], end - begin
        if self._pending[end : end + _CRC_AT] != head:
            return end
        count = max(2, min(len(self._pending) - begin, SLAB) // size)
        if begin + count * size > len(self._pending):
            return end
        records = np.frombuffer(self._pending, np.uint8, count * size, begin).reshape(count, size)
        same = (records[:, :_CRC_AT] == np.frombuffer(head, np.uint8)).all(1)
        records = records[: count if same.all() else int(same.argmin())]
        claimed = records[:, _CRC_AT : _HEAD.size].copy().view("<u4")[:, 0]
        real = [zlib.crc32(record[_HEAD.size :].data, _METRICS) for record in records]
        good = claimed == np.array(real, np.uint32)
        return begin + size * (len(records) if good.all() else int(good.argmin()))

    def _bodies(self, begin: int, end: int, last: int) -> list[bytes]:
        """The rows of the records in [begin, last), each of the size of the one in [begin, end).

        Nothing where no columns are known that they could be of.
        """
        size = end - begin
        if not self._names or (size - _HEAD.size) % (8 * len(self._names)):
            return []
        records = np.frombuffer(self._pending, np.uint8, last - begin, begin).reshape(-1, size)
        return [records[:, _HEAD.size :].tobytes()]

    def _rows(self, slab: list[bytes]) -> Rows:
        values = np.frombuffer(b"".join(slab), "<f8")
        return Rows(self._names, values.reshape(-1, len(self._names)))

    def _event(self, body: bytes) -> Event:
        event: Event = self._decode(body)
        if isinstance(event, Columns):
            fine = event.names[:1] == ("step",) and len(set(event.names)) == len(event.names)
            self._names = event.names if fine and len(event.names) <= COLUMNS else ()
            if not self._names:
                raise ValueError("no names that columns can have")
        return event
