"""One writer for a run: a lock that the system frees when its process is gone."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from engine.contract.locking import take
from engine.runs.errors import RunError, disk_sentence
from engine.runs.folder import RunFolder

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
        while not take(handle):
            if time.monotonic() > give_up:
                raise RunError(f"{folder.path} is in use by another process; stop that one first.")
            time.sleep(0.01)
        yield
    finally:
        os.close(handle)


def is_held(folder: RunFolder) -> bool:
    """Whether some process trains in this folder now."""
    try:
        handle = os.open(folder.lock, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    except OSError:
        return False
    try:
        return not take(handle)
    finally:
        os.close(handle)
