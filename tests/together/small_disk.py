"""A real file system of two megabytes, which needs no privilege.

A process of its own mounts it in namespaces of its own (Linux user namespaces) and holds it until
its stdin ends; everybody else reaches it through /proc/PID/root.
"""

import contextlib
import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

SIZE = 2 << 20  # bytes
_MOUNT = 'mount -t tmpfs -o size=$1 small "$2" && echo mounted && exec cat'
_BLOCK = 4096


class SmallDisk:
    """A folder on a small file system, which can be filled to the brim and freed again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def fill(self, free: int = 0) -> None:
        """Take all blocks but `free` bytes of them."""
        with open(self._ballast, "ab", buffering=0) as file, contextlib.suppress(_Full):
            while shutil.disk_usage(self.path).free > free:
                _write(file.fileno())

    def free(self) -> None:
        """Give back what was taken."""
        self._ballast.unlink()


class _Full(Exception):
    pass


def _write(handle: int) -> None:
    try:
        os.write(handle, bytes(_BLOCK))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise _Full from error


@contextlib.contextmanager
def small_disk(place: Path) -> Iterator[SmallDisk]:
    """Mount one at the empty folder `place`. Raises OSError where this machine forbids it."""
    words = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", _MOUNT]
    holder = subprocess.Popen(
        [*words, "sh", str(SIZE), place], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdin
    assert holder.stdout
    try:
        if holder.stdout.readline() != b"mounted\n":
            raise OSError(errno.EPERM, "no file system can be mounted here")
        yield SmallDisk(Path(f"/proc/{holder.pid}/root{place}"))
    finally:
        holder.stdin.close()
        holder.wait()
        holder.stdout.close()


def possible(place: Path) -> bool:
    """Whether this machine lets its users mount (some containers do not)."""
    try:
        with small_disk(place):
            return True
    except OSError:
        return False
