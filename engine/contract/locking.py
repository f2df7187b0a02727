"""A lock on an open file, which the system lets go when its process ends, however that ends."""

import sys

if sys.platform == "win32":
    import msvcrt

    def take(handle: int) -> bool:
        """Lock an open file for this process; False where another one has it."""
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def take(handle: int) -> bool:
        """Lock an open file for this process; False where another one has it."""
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
