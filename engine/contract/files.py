"""Writing files so that each is there whole or not at all, whatever the disk or a kill does."""

import contextlib
import errno
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

TEMPORARY = ".tmp-"  # how the name begins of what is not whole yet
WAITS = (0.02, 0.05, 0.1, 0.2, 0.4)  # seconds between tries of a place that somebody holds


@contextlib.contextmanager
def whole_file(path: Path, durable: bool = True) -> Iterator[BinaryIO]:
    """A file to write and read, which takes its place at `path` when the block has ended well.

    What stood there keeps its rights, and stays as it was until then; a link stays a link. With
    `durable` the new file also outlives a power cut. Raises OSError, and then nothing is left.
    """
    if path.is_symlink():
        path = Path(os.path.realpath(path))
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    temporary = path.with_name(f"{_mark(os.getpid())}{secrets.token_hex(4)}-{path.name[:40]}")
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    handle = os.open(temporary, flags, 0o666)  # less the umask
    try:
        with open(handle, "w+b") as file:
            yield file
            file.flush()
            if durable:
                os.fsync(handle)
        if path.exists():
            os.chmod(temporary, path.stat().st_mode)
        replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    if durable:
        with contextlib.suppress(OSError):  # the file is whole; some systems sync no folder
            sync(path.parent)


def replace(made: Path, path: Path) -> None:
    """Give `made`, a file or folder, the name `path`. Raises OSError, and then `path` is as it was.

    A folder that is synchronised, or searched for viruses, holds a name for moments on Windows.
    """
    for wait in WAITS:
        try:
            os.replace(made, path)
        except PermissionError:
            time.sleep(wait)
        else:
            return
    os.replace(made, path)


def sweep(path: Path, process: int) -> None:
    """Take away what a process that has died was writing for `path`."""
    folder = Path(os.path.realpath(path)).parent
    for left in folder.glob(f"{_mark(process)}*"):
        with contextlib.suppress(OSError):
            left.unlink()


def _mark(process: int) -> str:
    """How the name begins of what a process has not made whole yet."""
    return f"{TEMPORARY}{process:x}-"


def write_whole(path: Path, content: bytes, durable: bool = True) -> None:
    """Put `content` at `path`, as `whole_file` does. Raises OSError."""
    with whole_file(path, durable) as file:
        file.write(content)


def write_synced(path: Path, content: bytes) -> None:
    """Write a file and wait until it is on the disk; an error may leave a part of it."""
    with open(path, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk (Windows opens no folder)."""
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
