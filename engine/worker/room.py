"""How much memory the explore worker may take: what the machine has left, and no more."""

import contextlib
import sys
import time
from pathlib import Path

import psutil

RESERVE = 0.1  # of the machine's memory: for the window, and for what a training needs yet
LEAST = 64 << 20  # bytes that it may always take
PERIOD = 1.0  # seconds between two looks at what is left
_FIRST = "500"  # of -1000 to 1000; a train worker has 0


def go_first() -> None:
    """Where memory runs out the system is to end this process before any that trains (Linux)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST)


class Room:
    """A limit on what this process may write to (RLIMIT_DATA, Linux), renewed as others take more.

    Whoever asks for more is told so at once, where the system would let it grow until it ends
    somebody. Not beside a GPU: how much its driver maps for itself says nothing of what it takes.
    """

    def __init__(self, gpu: bool) -> None:
        self._limits = sys.platform == "linux" and not gpu
        self._looked = -PERIOD

    def renew(self) -> None:
        """Look again at what is left, where that was a while ago."""
        if not self._limits or time.monotonic() < self._looked + PERIOD:
            return
        self._looked = time.monotonic()
        memory = psutil.virtual_memory()
        free = max(LEAST, memory.available - round(RESERVE * memory.total))
        process = psutil.Process()
        written = process.memory_info().data  # what counts for the limit, touched or not
        hard = process.rlimit(psutil.RLIMIT_DATA)[1]
        soft = written + free if hard == psutil.RLIM_INFINITY else min(written + free, hard)
        process.rlimit(psutil.RLIMIT_DATA, (soft, hard))
