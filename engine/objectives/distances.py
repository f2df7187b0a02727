"""How far two answers lie apart."""

import math

from torch import Tensor
from torch.linalg import vector_norm


def distance(kind: str, difference: Tensor, huber: float) -> Tensor:
    """One number per sample, (B,), of a difference [B, ...] over D dimensions.

    `squared` is the mean square and `norm` the length. `pseudo-huber` is sqrt(length^2 + c^2) - c
    with c = huber sqrt(D) (arXiv 2310.14189, section 3.3). Gradients are finite at 0.
    """
    flat = difference.flatten(1)
    if kind == "norm":
        return vector_norm(flat, dim=1)
    if kind == "squared":
        return flat.square().mean(dim=1)
    square, offset = flat.square().sum(dim=1), huber * math.sqrt(flat.shape[1])
    # sqrt(square + offset^2) - offset, which would cancel where the difference is small.
    return square / ((square + offset**2).sqrt() + offset)
