"""Pictures of one's own to start from, kept in WORKSPACE/pictures by what they show.

A file is read once, with every guard against foreign files; what is kept is its middle square as a
PNG of the program's own, so that a source names a picture in 16 letters and no file that changes.
"""

import hashlib
import io
import re
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from engine.contract.errors import UserError
from engine.contract.files import whole_file
from engine.data.errors import DataError
from engine.data.picture import read_picture, read_square

MOST = 256  # pixels along a side that are kept
KEPT = 64  # pictures; the oldest go
_NAME = re.compile(r"[0-9a-f]{16}")


def take_in(path: Path, workspace: Path) -> str:
    """Keep the picture that lies at `path`; the name it has from now on. Raises UserError."""
    if not path.is_absolute():
        raise UserError(f"{path} is no absolute path; choose a picture.")
    if not path.is_file():
        raise UserError(f"{path} is no file; choose a picture.")
    try:
        pixels = read_square(path, MOST)
    except DataError as error:
        raise UserError(f"{path.name} {error}.") from error
    name = hashlib.blake2b(pixels.tobytes(), digest_size=8).hexdigest()
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "png")
    try:
        _folder(workspace).mkdir(parents=True, exist_ok=True)
        with whole_file(_place(name, workspace)) as file:
            file.write(written.getvalue())
        _sweep(workspace)
    except OSError as error:
        raise UserError(f"{path.name} cannot be kept: {error.strerror or error}.") from error
    return name


def taken_in(name: str, shape: tuple[int, ...], workspace: Path) -> Tensor:
    """The picture `name` as a model takes it, float32 [*shape] in [-1, 1]. Raises UserError."""
    channels, height, width = shape
    if height != width or channels not in (1, 3):
        raise UserError("This model's pictures are no squares in colour or grey: drop none on it.")
    if not _NAME.fullmatch(name) or not _place(name, workspace).is_file():
        raise UserError("The picture to start from is not here any more: open or drop it again.")
    try:
        pixels = read_picture(_place(name, workspace), width)
    except DataError as error:
        raise UserError(f"The picture to start from {error}: open or drop it again.") from error
    picture = torch.from_numpy(pixels.copy()).permute(2, 0, 1).float().div(127.5).sub(1)
    return picture if channels == 3 else picture.mean(0, keepdim=True)


def _folder(workspace: Path) -> Path:
    return workspace / "pictures"


def _place(name: str, workspace: Path) -> Path:
    return _folder(workspace) / f"{name}.png"


def _sweep(workspace: Path) -> None:
    """Let the oldest go."""
    found = sorted(_folder(workspace).glob("*.png"), key=lambda path: path.stat().st_mtime)
    for path in found[:-KEPT]:
        path.unlink(missing_ok=True)
