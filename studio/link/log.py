"""The file that takes what the engine writes to stderr, and the ends of all logs."""

import os
from pathlib import Path
from typing import BinaryIO

from PySide6.QtCore import QStandardPaths

LARGE = 4 << 20  # bytes beyond which a log starts over, the one before beside it as `NAME.1`
WORDS = 200  # characters of the last line that are shown


def default_log() -> Path:
    """`engine.log` in the platform's folder for the application's local data."""
    place = QStandardPaths.StandardLocation.AppLocalDataLocation
    return Path(QStandardPaths.writableLocation(place)) / "engine.log"


def open_log(path: Path) -> BinaryIO:
    """The log, open at its end; one that is too large is put aside first. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LARGE:
        os.replace(path, path.with_name(f"{path.name}.1"))
    return path.open("ab")


def last_words(path: Path, start: int) -> str:
    """ ": LAST LINE" of what the log holds from byte `start` on, "" where that is nothing."""
    try:
        size = path.stat().st_size
    except OSError:
        return ""
    lines = tail(path, min(4096, max(0, size - start))).split("\n")
    words = [line.strip() for line in lines if line.strip()]
    return f": {words[-1][:WORDS]}" if words else ""


def tail(path: Path, size: int) -> str:
    """The last `size` bytes of a log, of the one put aside too; "" where there is none."""
    parts: list[bytes] = []
    wanted = size
    for file in (path, path.with_name(f"{path.name}.1")):
        try:
            with file.open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - wanted))
                parts.insert(0, log.read(wanted))
        except OSError:
            continue
        wanted -= len(parts[0])
    return b"".join(parts).decode("utf-8", "replace")
