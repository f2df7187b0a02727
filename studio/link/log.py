"""The file that takes what the engine writes to stderr."""

from pathlib import Path
from typing import BinaryIO

from PySide6.QtCore import QStandardPaths

LARGE = 4 << 20  # bytes beyond which a log starts over
WORDS = 200  # characters of the last line that are shown


def default_log() -> Path:
    """`engine.log` in the platform's folder for the application's local data."""
    place = QStandardPaths.StandardLocation.AppLocalDataLocation
    return Path(QStandardPaths.writableLocation(place)) / "engine.log"


def open_log(path: Path) -> BinaryIO:
    """The log, open at its end. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    large = path.exists() and path.stat().st_size > LARGE
    return path.open("wb" if large else "ab")


def last_words(path: Path, start: int) -> str:
    """ ": LAST LINE" of what the log holds from byte `start` on, "" where that is nothing."""
    try:
        with path.open("rb") as log:
            log.seek(max(start, path.stat().st_size - 4096))
            lines = log.read().decode("utf-8", "replace").split("\n")
    except OSError:
        return ""
    words = [line.strip() for line in lines if line.strip()]
    return f": {words[-1][:WORDS]}" if words else ""
