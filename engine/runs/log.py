"""The log of a run: what a person may want to read later."""

import contextlib
import time

from engine.runs.folder import RunFolder


def log(folder: RunFolder, text: str) -> None:
    """Add one entry with the local time; a disk that refuses loses it, the journal has it too."""
    with contextlib.suppress(OSError), open(folder.log, "a", encoding="utf-8") as file:
        file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {text}\n")
