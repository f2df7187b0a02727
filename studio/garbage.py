"""Cyclic garbage is collected on the window's thread alone.

Python collects on whichever thread happens to allocate. A dialog or a row that was closed and lies
in a cycle would be destroyed there, and Qt stops timers and drops windows on their own thread only:
it warns, or the process ends with a fault.
"""

import gc

from PySide6.QtCore import QTimer

EVERY = 500  # ms


class Garbage:
    """While it is held, a timer of the calling thread collects in Python's stead."""

    def __init__(self) -> None:
        gc.disable()
        self._timer = QTimer(interval=EVERY)
        self._timer.timeout.connect(collect_due)
        self._timer.start()

    def release(self) -> None:
        """Collect what is left, and leave it to Python again."""
        self._timer.stop()
        gc.collect()
        gc.enable()


def collect_due() -> None:
    """Collect the oldest generation that Python would collect by now.

    What outlives the first whole collection is the program itself; to go through it again each
    time would hold the window up (92,000 objects: 90 ms on two busy cores; what came since: under
    1 ms).
    """
    due = zip(gc.get_count(), gc.get_threshold(), strict=True)
    oldest = max((age for age, (count, most) in enumerate(due) if count > most), default=None)
    if oldest is None:
        return
    gc.collect(oldest)
    if oldest == 2 and not gc.get_freeze_count():
        gc.freeze()
