"""The common clock: t in [0, 1], 0 = data, 1 = noise, x = (1 - t) data + t noise."""

import torch
from torch import Tensor

Time = float | Tensor  # one time for a whole batch, or one for each sample, shape (B,)


def sigma_of(t: Tensor) -> Tensor:
    """Noise-to-signal ratio sigma = t / (1 - t) of the common time `t` (inf at t = 1)."""
    return t / (1 - t)


def time_of(sigma: Tensor) -> Tensor:
    """Common time t = sigma / (1 + sigma) of a noise-to-signal ratio (1 at sigma = inf)."""
    return 1 / (1 + 1 / sigma)  # unlike sigma / (1 + sigma), right at infinity too


def each(t: Time, x: Tensor) -> Tensor:
    """`t` as one time for each sample of `x`: shape (B,), type and place of `x`."""
    return torch.as_tensor(t, dtype=x.dtype, device=x.device).expand(len(x)).contiguous()


def spread(t: Time, x: Tensor) -> Tensor:
    """`t` viewed to broadcast over `x` [B, ...]: (B, 1, ..), or (1, 1, ..) for one time."""
    return torch.as_tensor(t, dtype=x.dtype, device=x.device).reshape(-1, *[1] * (x.ndim - 1))
