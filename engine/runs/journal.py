"""Writes the journal of a run: nothing that was written is ever lost, whatever the disk does."""

import os
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


class Journal:
    """The one writer. A record that the disk refuses is held in memory and tried again later."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
            self.size = self._whole()
            os.ftruncate(self._handle, self.size)  # a tail torn by a kill
        except OSError as error:
            raise RunError(disk_sentence("write", path, error)) from error
        self._rows: list[tuple[float, ...]] = []
        self._flushed = -PATIENCE
        self._held: deque[bytes] = deque()
        self._held_bytes = 0
        self._retry = 0.0
        self.trouble = ""  # why records are held, one sentence; empty while the disk obeys

    @property
    def full(self) -> bool:
        """So much is held that training must wait for the disk."""
        return self._held_bytes > HELD_CAP

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
        try:
            os.fsync(self._handle)
        except OSError as error:
            self.trouble = disk_sentence("write", self._path, error)

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
        self._held.append(record)
        self._held_bytes += len(record)
        self._drain()

    def _drain(self) -> None:
        if self.trouble and time.monotonic() < self._retry:
            return
        try:
            while self._held:
                self._write(self._held[0])
                self._held_bytes -= len(self._held.popleft())
        except OSError as error:
            self.trouble = disk_sentence("write", self._path, error)
            self._retry = time.monotonic() + _RETRY
        else:
            self.trouble = ""

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
