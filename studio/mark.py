"""Whether the last studio left as it should: a file that is there while one is open.

The file is locked by its process, which takes it away when it leaves. One that is there and not
locked is that of a studio that died; a crash leaves its stack in it. Nothing else is written down,
so nothing can be out of date.
"""

import contextlib
import os
from pathlib import Path
from typing import TextIO

from engine.contract.locking import take

NAME = "open-"


class Mark:
    """This process's file; `file` takes the stack of a crash. Raises OSError."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / f"{NAME}{os.getpid()}"
        self.file: TextIO = open(self.path, "w", encoding="utf-8")  # noqa: SIM115
        if not take(self.file.fileno()):
            self.file.close()
            raise BlockingIOError(f"{self.path} is in use")

    def leave(self) -> None:
        """This studio leaves as it should."""
        with contextlib.suppress(OSError):
            self.path.unlink()

    def close(self) -> None:
        """Let the lock go; what was not taken away says that this studio died."""
        self.file.close()


def bury(folder: Path) -> list[str]:
    """What each studio that died left in its file, which is taken away; "" where it was killed."""
    found = []
    for path in sorted(folder.glob(f"{NAME}*")):
        with contextlib.suppress(OSError), open(path, "r+", encoding="utf-8") as file:
            if take(file.fileno()) and os.fstat(file.fileno()).st_nlink:
                found.append(file.read())
                path.unlink()
    return found
