"""Samples of which a part is known: it is put back after every jump to data.

Inpainting, colouring and enlarging by consistency sampling (arXiv 2303.01469, algorithm 4): what is
known of a picture is an orthogonal projection of it.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

Projection = Callable[[Tensor], Tensor]
"""Of pictures [B, c, h, w]: linear, symmetric, and twice is once."""

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601: how bright each colour looks


def outside(left: int, top: int, right: int, bottom: int) -> Projection:
    """All pixels but those of a box, columns `left` to `right` - 1, rows `top` to `bottom` - 1."""

    def project(x: Tensor) -> Tensor:
        kept = x.clone()
        kept[..., top:bottom, left:right] = 0
        return kept

    return project


def brightness(x: Tensor) -> Tensor:
    """How bright each pixel is, without its colour; a grey picture is brightness alone."""
    if x.shape[1] != 3:
        return x
    luma = torch.tensor(_LUMA, dtype=x.dtype, device=x.device)
    luma = (luma / luma.norm())[None, :, None, None]
    return luma * (luma * x).sum(1, keepdim=True)


def coarse(factor: int) -> Projection:
    """The mean of each block of `factor` x `factor` pixels, those at the edges smaller."""

    def project(x: Tensor) -> Tensor:
        means = avg_pool2d(x, factor, ceil_mode=True, count_include_pad=False)
        wide = means.repeat_interleave(factor, -1)[..., : x.shape[-1]]
        return wide.repeat_interleave(factor, -2)[..., : x.shape[-2], :]

    return project


def put_back(x: Tensor, known: Tensor, projection: Projection) -> Tensor:
    """The nearest to `x` that agrees with `known` in what is projected."""
    return x + projection(known - x)
