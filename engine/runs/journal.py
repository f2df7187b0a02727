"""Writes the journal of a run: nothing that was written is ever lost, whatever the disk does."""

import errno
import os
import threading
import time
from collections import deque
from pathlib import Path

import numpy as np

from engine.contract.journal import Event, Reader, encode_event, encode_rows
from engine.runs.errors import RunError, disk_sentence

ROWS = 64  # rows of one record at most
PATIENCE = 0.25  # seconds between two records of rows, where there are less
HELD_CAP = 32 << 20  # bytes that may wait for a full disk
_RETRY = 1.0  # seconds between two tries of a disk that refused
_PIECE = 1 << 22
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the disk is there, and takes no more
_BINARY = getattr(os, "O_BINARY", 0)


class Journal:
    """The one writer. A record that the disk refuses is held in memory and tried again later.

    Until the disk has said that it has a record, it is held too: a disk that fails then, or is
    gone, may have lost it, and it is written again once the disk is back.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | _BINARY, 0o644)
            self.size = self._whole()
            os.ftruncate(self._handle, self.size)  # a tail torn by a kill
        except OSError as error:
            raise RunError(disk_sentence("write", path, error)) from error
        self._rows: list[tuple[float, ...]] = []
        self._flushed = -PATIENCE
        self._held: deque[bytes] = deque()
        self._held_bytes = 0
        self._unsynced: deque[bytes] = deque()  # written, but perhaps not on the disk yet
        self._firm = 0  # how many records of this writer are on the disk for sure
        self._synced, self._gone = self.size, False
        self._changing = threading.RLock()
        self._retry = 0.0
        self.trouble = ""  # why records are held, one sentence; empty while the disk obeys

    @property
    def full(self) -> bool:
        """So much is held, or the disk is so far gone, that training must wait for it."""
        return self._gone or self._held_bytes > HELD_CAP

    def row(self, values: tuple[float, ...]) -> None:
        """Add one row of metrics, in the order of the newest `Columns`."""
        self._rows.append(values)
        if len(self._rows) >= ROWS or time.monotonic() - self._flushed >= PATIENCE:
            self.flush()

    def event(self, event: Event) -> None:
        """Add an event, behind all rows so far."""
        self._close_rows()
        self._push(encode_event(event))

    def flush(self) -> None:
        """Write the rows that wait, and what a full disk refused before."""
        self._flushed = time.monotonic()
        self._close_rows()
        self._drain()

    def sync(self) -> None:
        """Wait until all that was written is on the disk (safe from any thread)."""
        with self._changing:
            if self._gone:
                return
            size, firm = self.size, self._firm + len(self._unsynced)
        try:
            self._stand()
            os.fsync(self._handle)
        except OSError as error:
            self._lose(error)
            return
        with self._changing:
            if not self._gone:
                self._on_disk(size, firm)

    def close(self) -> None:
        """Write the rest and close the file."""
        self._retry = 0.0
        self.flush()
        self.sync()
        os.close(self._handle)

    def _whole(self) -> int:
        """Where the last whole record ends."""
        reader = Reader()
        while piece := os.read(self._handle, _PIECE):
            for _ in reader.feed(piece):
                pass
        return reader.offset

    def _close_rows(self) -> None:
        if self._rows:
            record = encode_rows(np.array(self._rows))
            self._rows = []
            self._push(record)

    def _push(self, record: bytes) -> None:
        self._hold(record)
        self._drain()

    def _hold(self, record: bytes) -> None:
        with self._changing:
            self._held.append(record)
            self._held_bytes += len(record)

    def _drain(self) -> None:
        if self.trouble and time.monotonic() < self._retry:
            return
        with self._changing:
            try:
                if self._gone:
                    self._return()
                while self._held:
                    self._write(self._held[0])
                    self._unsynced.append(self._held.popleft())
                    self._held_bytes -= len(self._unsynced[-1])
                if self._gone:
                    os.fsync(self._handle)
                    self._gone = False
                    self._on_disk(self.size, self._firm + len(self._unsynced))
            except OSError as error:
                if error.errno in _FULL and not self._gone:
                    self._wait(error)
                else:
                    self._lose(error)
            else:
                self.trouble = ""

    def _wait(self, error: OSError) -> None:
        self.trouble = disk_sentence("write", self._path, error)
        self._retry = time.monotonic() + _RETRY

    def _lose(self, error: OSError) -> None:
        """Hold all that the disk may have lost, until it is back."""
        with self._changing:
            self._held.extendleft(reversed(self._unsynced))
            self._held_bytes += sum(map(len, self._unsynced))
            self._unsynced.clear()
            self.size, self._gone = self._synced, True
            self._wait(error)

    def _return(self) -> None:
        """Open the file anew: the old descriptor may belong to a disk that was taken away."""
        handle = os.open(self._path, os.O_RDWR | _BINARY)
        os.close(self._handle)
        self._handle = handle
        if os.fstat(handle).st_size < self._synced:
            raise OSError(errno.EIO, "its end is missing")

    def _on_disk(self, size: int, firm: int) -> None:
        """The first `firm` records, up to byte `size`, are not in doubt any more."""
        self._synced = max(size, self._synced)
        while self._firm < firm:
            self._unsynced.popleft()
            self._firm += 1

    def _stand(self) -> None:
        """Raise OSError where the file is not at its place: its folder was taken away."""
        if os.stat(self._path).st_ino != os.fstat(self._handle).st_ino:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))

    def _write(self, record: bytes) -> None:
        """Append one record by one write(2); a part of one is cut away again."""
        os.lseek(self._handle, self.size, os.SEEK_SET)
        written = 0
        try:
            written = os.write(self._handle, record)
            if written < len(record):  # the second try says why
                written += os.write(self._handle, record[written:])
            if written < len(record):
                raise OSError(28, "No space left on device")
        except OSError:
            if written:
                os.ftruncate(self._handle, self.size)
            raise
        self.size += written
