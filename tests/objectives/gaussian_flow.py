"""The exact average velocity of 1-D data N(0, deviation^2), as a network with two weights."""

import math

import torch
from torch import Tensor, nn

from engine.contract import specs
from engine.data.batch import Batch
from engine.flow.randomness import Randomness
from engine.objectives.base import Models, Velocity, alone
from engine.objectives.registry import build_objective

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

    @property
    def output_weight(self) -> Tensor:
        return self.weights

    def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None = None) -> Tensor:
        at_t, at_s = variance(t), variance(s)
        slope = (self.weights[0] + self.weights[1] * (t + s)) / (at_t + (at_t * at_s).sqrt())
        return slope[:, None] * x


class Spy(nn.Module):
    """A network that notes how it is called: rows, gradient, autocast, label."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.calls: list[tuple[int, bool, bool, Tensor | None]] = []

    def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None = None) -> Tensor:
        cast = torch.is_autocast_enabled("cpu")
        self.calls.append((len(x), torch.is_grad_enabled(), cast, label))
        found: Tensor = self.network(x, t, s, label)
        return found


def variance(t: Tensor) -> Tensor:
    """Variance of x_t."""
    return (1 - t) ** 2 * DEVIATION**2 + t**2


def gaussian_batch(count: int, seed: int = 0) -> Batch:
    """1-D data."""
    drawn = torch.Generator().manual_seed(seed)
    return Batch(DEVIATION * torch.randn(count, 1, dtype=torch.float64, generator=drawn), None)


def fitted(
    spec: specs.Method, steps: int = 220, count: int = 1024, teacher: Velocity | None = None
) -> LinearFlow:
    """The two weights after a training with AdamW, and with a moving average where one is asked."""
    network, target, randomness = LinearFlow(), LinearFlow(), Randomness(0)
    objective = build_objective(spec, (1,))
    weights = [*network.parameters(), *objective.parameters()]
    adam = torch.optim.AdamW(weights, weight_decay=0.0)
    for step in range(steps):
        progress = step / steps
        adam.param_groups[0]["lr"] = 0.05 * (1 + math.cos(math.pi * progress))
        adam.zero_grad()
        decay = objective.target_decay(progress)
        models = Models(network, network if decay is None else target, teacher)
        objective(models, gaussian_batch(count, step), randomness, progress).loss.backward()
        adam.step()
        if decay is not None:
            target.weights.data.lerp_(network.weights.data, 1 - decay)
    return network


def significance(spec: specs.Method, network: LinearFlow, progress: float = 0.0) -> Tensor:
    """The mean gradient over 120,000 samples, in standard errors of it; (2,)."""
    objective = build_objective(spec, (1,))
    found = []
    for k in range(60):
        loss = objective(alone(network), gaussian_batch(2000, k), Randomness(k), progress).loss
        found.append(torch.autograd.grad(loss, network.weights)[0])
    each = torch.stack(found)
    return each.mean(0).abs() / (each.std(0) / math.sqrt(len(each)))
