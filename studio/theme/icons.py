"""Lucide icons in any colour, drawn by Qt at whatever size and sharpness a widget needs."""

from functools import lru_cache
from pathlib import Path

from PySide6.QtCore import QSize, QTemporaryDir
from PySide6.QtGui import QIcon

from engine.contract.assets import asset

SIZE = QSize(24, 24)
_folder = QTemporaryDir()  # Qt draws icons and a style sheet's arrows from files only


@lru_cache(maxsize=512)
def picture(name: str, colour: str) -> str:
    """Path of the icon's SVG file in one colour. Raises FileNotFoundError for an unknown name."""
    svg = asset(f"icons/{name}.svg").read_bytes().replace(b"currentColor", colour.encode())
    path = Path(_folder.filePath(f"{name}-{colour.lstrip('#')}.svg"))
    path.write_bytes(svg)
    return str(path)


@lru_cache(maxsize=512)
def icon(name: str, colour: str, disabled: str = "") -> QIcon:
    """The icon `name` in `colour`, greyed to `disabled` where its widget is off."""
    made = QIcon(picture(name, colour))
    if disabled:
        made.addFile(picture(name, disabled), SIZE, QIcon.Mode.Disabled)
    return made
