"""What becomes of a process when the one that started it is gone."""

import ctypes
import signal
import sys

_SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of <linux/prctl.h>


def leave_with_parent(wanted: bool = True) -> None:
    """Be sent SIGTERM when the thread that started this process ends, or no longer so.

    Linux alone does that; elsewhere the end of the stream is all that tells.
    """
    if sys.platform == "linux":
        kind = int(signal.SIGTERM) if wanted else 0
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, kind, 0, 0, 0)
