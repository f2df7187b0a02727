"""One writer for a run: a lock that the system frees when its process is gone."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from engine.runs.errors import RunError, disk_sentence
from engine.runs.folder import RunFolder

if sys.platform == "win32":
    import msvcrt

    def _try(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _try(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


_PATIENCE = 0.5  # seconds: `is_held` of another process holds the lock for a moment


@contextmanager
def hold(folder: RunFolder) -> Iterator[None]:
    """Hold the run for this process. Raises RunError where another one has it."""
    try:
        handle = os.open(folder.lock, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
    except OSError as error:
        raise RunError(disk_sentence("use", folder.path, error)) from error
    try:
        give_up = time.monotonic() + _PATIENCE
        while not _try(handle):
            if time.monotonic() > give_up:
                raise RunError(f"{folder.path} is in use by another process; stop that one first.")
            time.sleep(0.01)
        yield
    finally:
        os.close(handle)


def take(handle: int) -> bool:
    """Lock an open file for this process; False where another one has it."""
    return _try(handle)


def is_held(folder: RunFolder) -> bool:
    """Whether some process trains in this folder now."""
    try:
        handle = os.open(folder.lock, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _try(handle)
    finally:
        os.close(handle)
