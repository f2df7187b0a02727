"""What is kept of a picture while the rest is made anew."""

from typing import NamedTuple

from torch import Tensor

from engine.contract.errors import UserError
from engine.contract.messages import Keep, Sampler
from engine.contract.source import Source
from engine.explore.draws import start
from engine.explore.models import Loaded
from engine.flow.known import Projection, brightness, coarse, outside


class Kept(NamedTuple):
    """Pictures [n, c, h, w], and what of them is put back after every jump to data."""

    data: Tensor
    projection: Projection


def kept(loaded: Loaded, source: Source, sampler: Sampler | None) -> Kept | None:
    """What is kept of the pictures of a source; None where nothing is.

    Raises UserError for points, and where the source has no pictures of its own.
    """
    keep = sampler.keep if sampler else None
    if keep is None:
        return None
    if loaded.info.data.kind != "images":
        raise UserError("Something can be kept of pictures alone, not of points.")
    data = start(loaded, source).data
    if data is None:
        raise UserError("There is nothing to keep of noise: start from a picture.")
    return Kept(data, _projection(keep, loaded.info.data.shape))


def _projection(keep: Keep, shape: tuple[int, ...]) -> Projection:
    height, width = shape[1:]
    match keep.kind:
        case "brightness":
            return brightness
        case "coarse":
            if not 2 <= keep.factor <= min(height, width):
                most = min(height, width)
                raise UserError(f"Blocks must be of 2 to {most} pixels, not {keep.factor}.")
            return coarse(keep.factor)
    left, top, right, bottom = keep.box
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):  # also for nan
        raise UserError(
            "A box must be left, top, right and bottom as shares of the picture in order, not "
            f"{left:g}, {top:g}, {right:g}, {bottom:g}."
        )
    return outside(
        round(left * width), round(top * height), round(right * width), round(bottom * height)
    )
