"""Exact trajectories of 1-D data N(0, deviation^2), and networks that can hold their answers."""

import math
from collections.abc import Sequence

import torch
from gaussian_flow import DEVIATION, gaussian_batch, variance
from torch import Tensor, nn

from engine.contract import specs
from engine.flow.clock import each, spread
from engine.flow.randomness import Randomness
from engine.flow.solvers import even
from engine.objectives.base import Models, Velocity
from engine.objectives.pool import Drawn, Pool
from engine.objectives.registry import build_objective


class GaussianPool:
    """x_s = x_t sqrt(S_s / S_t) from noise at t = 1, float64, at even times; labels 0, 1, .. ."""

    def __init__(self, steps: int = 4) -> None:
        self.times = torch.tensor(even(1.0, 0.0, steps), dtype=torch.float64)

    def draw(self, count: int, randomness: Randomness) -> Drawn:
        noise = randomness.normal("pool", (count, 1)).double()
        scale = variance(self.times).sqrt()
        return Drawn(scale[:, None, None] * noise, self.times, torch.arange(count))


class RandomPool:
    """Anything at all, of the shape of pictures: float32, with labels 0 to 2."""

    def __init__(self, shape: tuple[int, ...], steps: int) -> None:
        self.shape, self.times = shape, torch.tensor(even(1.0, 0.0, steps))

    def draw(self, count: int, randomness: Randomness) -> Drawn:
        states = randomness.normal("pool", (len(self.times), count, *self.shape))
        return Drawn(states, self.times, randomness.integers("pool", 3, (count,)))


class Lines(nn.Module):
    """u = (first + second t) x / ((1 - t) deviation + t): straight lines at (1 - deviation, 0)."""

    def __init__(self, first: float = 0.0, second: float = 0.0) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.tensor([first, second], dtype=torch.float64))

    def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None = None) -> Tensor:
        slope = (self.weights[0] + self.weights[1] * t) / ((1 - t) * DEVIATION + t)
        return slope[:, None] * x


class Ends(nn.Module):
    """u = (x - f) / t = k(t, 0) x whatever s: the end of the exact flow at `exact()`."""

    def __init__(self, first: float = 0.0, second: float = 0.0) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.tensor([first, second], dtype=torch.float64))

    @classmethod
    def exact(cls) -> "Ends":
        return cls(-2 * DEVIATION**2, 1 + DEVIATION**2)

    def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None = None) -> Tensor:
        at_t = variance(t)
        slope = (self.weights[0] + self.weights[1] * t) / (at_t + at_t.sqrt() * DEVIATION)
        return slope[:, None] * x


class Steps(nn.Module):
    """u = k(t) x with a weight of its own for each t = 1/N .. 1: whatever a grid can hold."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(count, dtype=torch.float64))

    def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None = None) -> Tensor:
        place = (t * len(self.weights)).round().long() - 1
        return self.weights[place][:, None] * x


def exact_velocity(x: Tensor, t: Tensor, label: Tensor | None = None) -> Tensor:
    """v of the Gaussian data."""
    time = each(t, x)
    return spread((time - (1 - time) * DEVIATION**2) / variance(time), x) * x


class Part(Randomness):
    """Draws the rows of part `index` of `parts` of what a whole batch would draw."""

    def __init__(self, seed: int, parts: int, index: int) -> None:
        super().__init__(seed)
        self._parts, self._index = parts, index

    def normal(self, name: str, shape: Sequence[int]) -> Tensor:
        whole = super().normal(name, (shape[0] * self._parts, *shape[1:]))
        return whole.chunk(self._parts)[self._index]

    def uniform(self, name: str, shape: Sequence[int]) -> Tensor:
        whole = super().uniform(name, (shape[0] * self._parts, *shape[1:]))
        return whole.chunk(self._parts)[self._index]

    def integers(self, name: str, high: int, shape: Sequence[int]) -> Tensor:
        whole = super().integers(name, high, (shape[0] * self._parts, *shape[1:]))
        return whole.chunk(self._parts)[self._index]


def trained(
    network: nn.Module,
    spec: specs.Method,
    teacher: Velocity | None = None,
    pool: Pool | None = None,
    steps: int = 220,
    target: nn.Module | None = None,
) -> Tensor:
    """The weights after a training with AdamW; `target` follows as the objective says."""
    objective, randomness = build_objective(spec, (1,)), Randomness(0)
    adam = torch.optim.AdamW(network.parameters(), weight_decay=0.0)
    for step in range(steps):
        progress = step / steps
        adam.param_groups[0]["lr"] = 0.05 * (1 + math.cos(math.pi * progress))
        if target is not None and objective.target_decay(progress) == 0:
            target.load_state_dict(network.state_dict())
        adam.zero_grad()
        models = Models(network, target or network, teacher, pool=pool)
        objective(models, gaussian_batch(256, step), randomness, progress).loss.backward()
        adam.step()
    (weights,) = network.parameters()
    return weights.detach()
