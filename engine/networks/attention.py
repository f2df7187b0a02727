"""Attention that survives forward-mode differentiation."""

from torch import Tensor


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Softmax attention of (..., tokens, channels), written out.

    The fused kernels of torch have no forward-mode derivative on most devices, and whether they
    are chosen depends on the memory layout. At the token counts of small pictures the plain form
    costs the same.
    """
    weights = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    return weights.softmax(dim=-1) @ v
