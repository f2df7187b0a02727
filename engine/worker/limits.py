"""What a process may do that opens files which this program did not write.

Inside, the system holds it to so much memory and processor time, where the system can: no network,
no other process, no pickle. From outside it is watched for the same, and ended: on Windows there
are no such limits, and macOS keeps none on memory.
"""

import contextlib
import ctypes
import errno
import os
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import psutil

resource: ModuleType | None
try:
    import resource
except ImportError:  # Windows
    resource = None

LEAST = 2 << 30  # bytes beyond what the libraries take
PER_BYTE = 4  # of the file: read, unpacked, copied, written
SECONDS = 60.0  # for one file, on the clock and of the processor
LIBRARIES = 1 << 30  # bytes that they may take themselves, as seen from outside
PERIOD = 0.2  # seconds between two looks from outside
_SET_DUMPABLE = 4  # PR_SET_DUMPABLE of <linux/prctl.h>
_NEW_NET, _NEW_USER = 0x40000000, 0x10000000  # CLONE_NEWNET, CLONE_NEWUSER of <linux/sched.h>
_FORBIDDEN = (
    "socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork",
    "os.startfile", "pickle.find_class", "webbrowser.", "pty.spawn",
)  # fmt: skip


class Limits(NamedTuple):
    """For one file: bytes beyond what the libraries take, and seconds."""

    memory: int = LEAST
    seconds: float = SECONDS


def limits_for(path: Path, memory: int = 0, seconds: float = 0.0) -> Limits:
    """The limits for opening `path`; what is not 0 is taken as it is."""
    try:
        size = path.stat().st_size
    except OSError:
        size = 0
    return Limits(memory or max(LEAST, PER_BYTE * size), seconds or SECONDS)


def isolate() -> None:
    """Give up the network and other processes. First of all, before there is a second thread.

    Plugins of HDF5, which are code, are turned off; its library reads that when it is loaded.
    """
    os.environ.pop("HDF5_PLUGIN_PATH", None)
    os.environ["HDF5_PLUGIN_PRELOAD"] = "::"  # HDF5's word for: none, ever
    if sys.platform == "linux":  # where a system forbids it the hook below still stands
        system = ctypes.CDLL(None)
        system.unshare(_NEW_USER | _NEW_NET)
        system.prctl(_SET_DUMPABLE, 1, 0, 0, 0)  # to be seen by who started it, as before


def forbid() -> None:
    """From now on no code of this process starts another, opens a socket or reads a pickle.

    Called once the libraries are loaded, which may ask the system about itself.
    """
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event.startswith(_FORBIDDEN):
        raise PermissionError(errno.EPERM, f"{event} is not allowed where foreign files are read")


class Confined:
    """The limits of this process, renewed for each file. Made once its libraries are loaded."""

    def __init__(self) -> None:
        self._base = psutil.Process().memory_info().vms
        forbid()

    def renew(self, limits: Limits) -> None:
        """From now on so many more bytes and seconds. Where the system cannot, the outside does."""
        if resource is None:
            return
        used = sum(os.times()[:2])
        for kind, most in (
            ("RLIMIT_AS", self._base + limits.memory),
            ("RLIMIT_CPU", int(used + limits.seconds) + 1),
            ("RLIMIT_CORE", 0),
        ):
            which = getattr(resource, kind)
            hard = resource.getrlimit(which)[1]
            soft = most if hard == resource.RLIM_INFINITY else min(most, hard)
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(which, (soft, hard))


class Watch:
    """Looks at such a process from outside, wherever the system holds it to nothing."""

    def __init__(self, pid: int, limits: Limits) -> None:
        self._pid, self.limits = pid, limits
        self.renew()

    def renew(self) -> None:
        """It gave a sign of life: the clock begins anew."""
        self._until = time.monotonic() + self.limits.seconds

    def wrong(self) -> str:
        """How it oversteps its limits, as the end of a sentence; "" while it does not."""
        if time.monotonic() > self._until:
            return f"took more than {self.limits.seconds:g} seconds"
        try:
            resident = psutil.Process(self._pid).memory_info().rss
        except psutil.Error:
            return ""  # it has gone, and says by itself how
        if resident > self.limits.memory + LIBRARIES:
            return f"took more than {self.limits.memory >> 20:,} MB of memory"
        return ""
