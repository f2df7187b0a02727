"""Pictures of one's own as a model takes them: out of those that the workspace keeps.

How they come there, from any file, is the inspect worker's part (`engine.data.own_pictures`).
"""

from pathlib import Path

import torch
from torch import Tensor

from engine.contract.errors import UserError
from engine.data.errors import DataError
from engine.data.own_pictures import NAME, place
from engine.data.picture import read_picture


def taken_in(name: str, shape: tuple[int, ...], workspace: Path) -> Tensor:
    """The picture `name` as a model takes it, float32 [*shape] in [-1, 1]. Raises UserError."""
    channels, height, width = shape
    if height != width or channels not in (1, 3):
        raise UserError("This model's pictures are no squares in colour or grey: drop none on it.")
    if not NAME.fullmatch(name) or not place(name, workspace).is_file():
        raise UserError("The picture to start from is not here any more: open or drop it again.")
    try:
        pixels = read_picture(place(name, workspace), width)
    except DataError as error:
        raise UserError(f"The picture to start from {error}: open or drop it again.") from error
    picture = torch.from_numpy(pixels.copy()).permute(2, 0, 1).float().div(127.5).sub(1)
    return picture if channels == 3 else picture.mean(0, keepdim=True)
