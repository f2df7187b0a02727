"""The exact average velocity of 1-D data N(0, deviation^2), as a network with two weights."""

import torch
from torch import Tensor, nn

DEVIATION = 0.5


class LinearFlow(nn.Module):
    """u = k(t, s) x with k = (first + second (t + s)) / (S_t + sqrt(S_t S_s)).

    S_t = (1 - t)^2 deviation^2 + t^2 is the variance of x_t, and x_s = x sqrt(S_s / S_t) the exact
    jump, so that k = (1 - sqrt(S_s / S_t)) / (t - s); S_t - S_s has the factor t - s, and what is
    left is linear in t + s: the weights of `exact()`.
    """

    def __init__(self, first: float = 0.0, second: float = 0.0) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.tensor([first, second], dtype=torch.float64))

    @classmethod
    def exact(cls) -> "LinearFlow":
        return cls(-2 * DEVIATION**2, 1 + DEVIATION**2)

    def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None = None) -> Tensor:
        at_t, at_s = variance(t), variance(s)
        slope = (self.weights[0] + self.weights[1] * (t + s)) / (at_t + (at_t * at_s).sqrt())
        return slope[:, None] * x


def variance(t: Tensor) -> Tensor:
    """Variance of x_t."""
    return (1 - t) ** 2 * DEVIATION**2 + t**2
