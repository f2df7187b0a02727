"""Where a hub without a window is met: a socket that this user alone can reach.

A client says one line, what it wants, and is answered by one line before any frame: `here`, or
`busy` and the process of the window that is attached. Imports next to nothing, as the pump starts
here.
"""

import contextlib
import ctypes
import hashlib
import os
import socket
import stat
import struct
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

MAGIC = "FMS1"
ATTACH, RUNS = "attach", "runs"
HERE, BUSY = "here", "busy"
LINE = 256  # bytes of a line at most
_LONGEST = 100  # bytes of a socket's path: macOS takes 104, Linux 108
_PATIENCE = 10.0  # seconds for the hub's line


class Met(NamedTuple):
    """A connection to a hub; a `busy` one has a window, in the process `window`."""

    connection: socket.socket
    busy: bool = False
    window: int = 0


def possible() -> bool:
    """Whether this system has such sockets."""
    return hasattr(socket, "AF_UNIX") and hasattr(os, "getuid")


def places(workspace: Path) -> Iterator[Path]:
    """Where the socket of a workspace may lie; the first folder that can be used is taken."""
    mark = hashlib.sha256(os.fsencode(os.path.realpath(workspace))).hexdigest()[:16]
    runtime = (os.environ.get("XDG_RUNTIME_DIR"), f"/run/user/{os.getuid()}")
    folders = [
        Path(folder, f"fms-{mark}") for folder in runtime if folder and os.path.isdir(folder)
    ]
    for folder in dict.fromkeys((tempfile.gettempdir(), "/tmp")):
        folders.append(Path(folder, f"fms-{os.getuid()}-{mark}"))
    for path in dict.fromkeys(folder / "hub" for folder in folders):
        if len(os.fsencode(path)) <= _LONGEST:
            yield path


def meet(workspace: Path, want: str = ATTACH) -> Met | None:
    """Meet the hub of a workspace; None where there is none, or only what it left behind."""
    if not possible():
        return None
    for path in places(workspace):
        if not _ours(path.parent):
            continue
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(_PATIENCE)
            connection.connect(str(path))
            if owner(connection) == os.getuid():
                connection.sendall(f"{MAGIC} {want}\n".encode())
                magic, said, *more = _line(connection).split()
                if magic == MAGIC:
                    connection.settimeout(None)
                    return Met(connection, said == BUSY, int(more[0]) if more else 0)
        except (OSError, ValueError):
            pass
        connection.close()
    return None


def listen(workspace: Path) -> socket.socket:
    """A socket that the next window finds. Raises OSError where no folder can be used.

    Whatever lies there is of a hub that was killed: this one holds the right to train here.
    """
    for path in places(workspace):
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            if not _ours(path.parent):
                continue
            path.unlink(missing_ok=True)
            return _bound(path)
        except OSError:
            continue
    raise OSError("no folder of this user's own can hold a socket")


def leave(path: Path) -> None:
    """Take the socket away that lies there."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
        path.parent.rmdir()


def owner(connection: socket.socket) -> int:
    """The user on the other side, by what the system says. Raises OSError where it does not."""
    if sys.platform == "linux":
        size = struct.calcsize("3i")
        said = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        return int(struct.unpack("3i", said)[1])
    user, group = ctypes.c_uint(), ctypes.c_uint()
    if ctypes.CDLL(None).getpeereid(connection.fileno(), ctypes.byref(user), ctypes.byref(group)):
        raise OSError("the other side of a socket is not known")
    return user.value


def _bound(path: Path) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        listening.bind(str(path))
        listening.listen(8)
    except OSError:
        listening.close()
        raise
    finally:
        os.umask(before)
    return listening


def _ours(folder: Path) -> bool:
    """Whether a folder is this user's, and nobody else may enter it."""
    try:
        found = os.lstat(folder)
    except OSError:
        return False
    private = stat.S_ISDIR(found.st_mode) and not stat.S_IMODE(found.st_mode) & 0o077
    return private and found.st_uid == os.getuid()


def _line(connection: socket.socket) -> str:
    """The hub's line, byte by byte: what follows are frames."""
    said = b""
    while not said.endswith(b"\n"):
        piece = connection.recv(1)
        if not piece or len(said) > LINE:
            raise OSError("no hub answered")
        said += piece
    return said.decode("ascii", "replace")
