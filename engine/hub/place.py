"""Where the workspace lies that nobody named; imports next to nothing, as the pump starts here."""

import os
import sys
from pathlib import Path

_FOLDERS = {
    "darwin": "~/Library/Application Support/Flow Map Studio",
    "win32": "~/AppData/Local/Flow Map Studio",
}


def default_workspace() -> Path:
    """FLOWMAP_WORKSPACE where it is set, else the platform's folder for data of programs."""
    if chosen := os.environ.get("FLOWMAP_WORKSPACE"):
        return Path(chosen).expanduser().absolute()
    if folder := _FOLDERS.get(sys.platform):
        return Path(folder).expanduser()
    data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data).expanduser() / "flowmap-studio"
