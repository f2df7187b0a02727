"""Pictures of one's own to start from, kept in WORKSPACE/pictures by what they show.

A file is read once, by the inspect worker, with every guard against foreign files; what is kept is
its middle square as a PNG of the program's own, so that a source names a picture in 16 letters and
no file that changes.
"""

import hashlib
import io
import re
from pathlib import Path

from PIL import Image

from engine.contract.errors import UserError
from engine.contract.files import whole_file
from engine.data.errors import DataError
from engine.data.picture import read_square

MOST = 256  # pixels along a side that are kept
KEPT = 64  # pictures; the oldest go
NAME = re.compile(r"[0-9a-f]{16}")


def take_in(path: Path, workspace: Path) -> tuple[str, str]:
    """Keep the picture that lies at `path`; the name it has from now on, and what to know of it.

    Raises UserError, one sentence, and then nothing is kept.
    """
    if not path.is_absolute():
        raise UserError(f"{path} is no absolute path; choose a picture.")
    if not path.is_file():
        raise UserError(f"{path} is no file; choose a picture.")
    notes: list[str] = []
    try:
        pixels = read_square(path, MOST, notes.append)
    except DataError as error:
        raise UserError(f"{path.name} {error}.") from error
    name = hashlib.blake2b(pixels.tobytes(), digest_size=8).hexdigest()
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "png")
    try:
        folder(workspace).mkdir(parents=True, exist_ok=True)
        with whole_file(place(name, workspace)) as file:
            file.write(written.getvalue())
        _sweep(workspace)
    except OSError as error:
        raise UserError(f"{path.name} cannot be kept: {error.strerror or error}.") from error
    return name, f"{path.name} {notes[0]}." if notes else ""


def folder(workspace: Path) -> Path:
    """Where they lie."""
    return workspace / "pictures"


def place(name: str, workspace: Path) -> Path:
    """Where the picture `name` lies, or would lie."""
    return folder(workspace) / f"{name}.png"


def _sweep(workspace: Path) -> None:
    """Let the oldest go."""
    found = sorted(folder(workspace).glob("*.png"), key=lambda path: path.stat().st_mtime)
    for path in found[:-KEPT]:
        path.unlink(missing_ok=True)
