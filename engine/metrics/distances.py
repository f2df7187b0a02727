"""Distances between two sets of samples that need no pretrained network.

They compare raw values, so say "sliced" or "kernel (pixels)" beside every figure and never FID;
set a real-against-real figure of the same size beside them, since both have a floor.
"""

import torch
from torch import Tensor


def sliced_wasserstein(
    first: Tensor, second: Tensor, directions: int = 512, seed: int = 0
) -> float:
    """Root mean square over random directions of the 1-D Wasserstein-2 distance, in data's units.

    `first` and `second` are [n, ...] and [m, ...] (Bonneel et al. 2015, J. Math. Imaging Vis.).
    """
    a, b = first.flatten(1).double(), second.flatten(1).double()
    generator = torch.Generator().manual_seed(seed)
    axes = torch.randn(a.shape[1], directions, generator=generator, dtype=torch.float64)
    axes /= axes.norm(dim=0)
    levels = (torch.arange(256, dtype=torch.float64) + 0.5) / 256
    gaps = (a @ axes).quantile(levels, dim=0) - (b @ axes).quantile(levels, dim=0)
    return float(gaps.square().mean().sqrt())


def kernel_distance(first: Tensor, second: Tensor) -> float:
    """Unbiased squared maximum mean discrepancy under the cubic kernel (a.b / d + 1)^3.

    The estimator of KID (Binkowski et al. 2018, arXiv 1801.01401) on raw values; it may be
    slightly negative where both sets come from one law.
    """
    a, b = first.flatten(1).double(), second.flatten(1).double()

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        return (x @ y.T / x.shape[1] + 1).pow(3)

    def within(x: Tensor) -> Tensor:
        k = kernel(x, x)
        return (k.sum() - k.diagonal().sum()) / (len(x) * (len(x) - 1))

    return float(within(a) + within(b) - 2 * kernel(a, b).mean())
