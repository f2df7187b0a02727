"""Exact networks for flow maps of every capability, in float64."""

import torch
from torch import Tensor

from engine.flow.clock import spread
from engine.flow.oracles.gaussian import Gaussian
from engine.flow.oracles.oracle import Oracle

GAUSSIAN = Gaussian(
    torch.tensor([1.0, -0.5], dtype=torch.float64),
    torch.tensor([[0.5, 0.2], [0.2, 0.3]], dtype=torch.float64),
)


class Exact:
    """The exact average velocity, as a network that keeps what it was told."""

    def __init__(self, oracle: Oracle = GAUSSIAN) -> None:
        self.oracle = oracle
        self.calls: list[tuple[Tensor, Tensor, Tensor | None]] = []

    def __call__(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
        self.calls.append((t, s, label))
        gap = spread(t - s, x)
        return torch.where(gap == 0, self.oracle.v(x, t), (x - self.oracle.jump(x, t, s)) / gap)


class ExactEnd(Exact):
    """The same for an endpoint model: with s = t it is asked for the average velocity to data."""

    def __call__(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
        assert t.equal(s)
        return super().__call__(x, t, torch.zeros_like(s), label)


def points(count: int = 20) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, 2, generator=generator, dtype=torch.float64)


def numbers(seed: int, like: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(like.shape, generator=generator, dtype=like.dtype)
