"""The point sets in the plane that come with the program, defined rather than drawn.

All but the checkerboard are mixtures of round Gaussians, those along curves with one component
every two standard deviations: the density along the curve then varies by 1.4 %, which nobody
sees, and the exact flow map of the whole set is known (engine.flow.oracles.mixture).
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from engine.flow.randomness import Randomness

Curve = Callable[[Tensor], tuple[Tensor, Tensor]]


class Components(NamedTuple):
    """A mixture of round Gaussians: means [K, 2], stds [K], weights [K] of sum 1, float32."""

    means: Tensor
    stds: Tensor
    weights: Tensor

    def draw(self, count: int, randomness: Randomness) -> Tensor:
        """Points [count, 2], each from one component."""
        choice = randomness.uniform("data", (count,)).cpu()
        edges = self.weights.double().cumsum(0)[:-1].float()
        which = torch.bucketize(choice, edges, right=True)
        scatter = randomness.normal("data", (count, 2)).cpu()
        return self.means[which] + self.stds[which, None] * scatter


def eight_gaussians() -> Components:
    """Eight round blobs of std 0.2 on a circle of radius 2."""
    angle = torch.arange(8, dtype=torch.float64) * (math.pi / 4)
    return _evenly(2 * torch.stack((angle.cos(), angle.sin()), 1), 0.2)


def two_moons() -> Components:
    """Two half circles that reach into each other."""
    upper = _along(lambda a: (a.cos(), a.sin()), (0, math.pi), 0.07)
    lower = torch.tensor((1.0, 0.5), dtype=torch.float64) - upper
    middle = torch.tensor((0.5, 0.25), dtype=torch.float64)
    return _evenly(1.6 * (torch.cat((upper, lower)) - middle), 1.6 * 0.07)


def pinwheel() -> Components:
    """Five bent blades, thickest in the middle of their length."""
    spread, bend = 0.3, 0.25
    blade = _along(
        lambda r: (r * (bend * r.exp()).cos(), r * (bend * r.exp()).sin()),
        (1 - 2.2 * spread, 1 + 2.2 * spread),
        0.05,
    )
    radius = blade.norm(dim=1)
    turns = torch.arange(5, dtype=torch.float64) * (2 * math.pi / 5)
    means = torch.cat([blade @ _rotation(turn).T for turn in turns])
    weights = torch.exp(-0.5 * ((radius - 1) / spread) ** 2).repeat(5)
    return _mixture(1.7 * means, torch.full((len(means),), 1.7 * 0.05), weights)


def spiral() -> Components:
    """One arm of two and a quarter turns."""
    return _evenly(
        _along(lambda a: (0.17 * a * a.cos(), 0.17 * a * a.sin()), (1.5, 5 * math.pi), 0.09), 0.09
    )


def rings() -> Components:
    """Three circles around the origin."""
    circles = []
    for radius in (0.7, 1.4, 2.1):
        count = round(2 * math.pi * radius / (2 * 0.08))
        angle = torch.arange(count, dtype=torch.float64) * (2 * math.pi / count)
        circles.append(radius * torch.stack((angle.cos(), angle.sin()), 1))
    return _evenly(torch.cat(circles), 0.08)


def checkerboard(count: int, randomness: Randomness) -> Tensor:
    """Points [count, 2], uniform on the eight dark squares of a board of four by four on ±2."""
    square = randomness.integers("data", 8, (count,)).cpu()
    row = square // 2
    column = 2 * (square % 2) + row % 2
    corner = torch.stack((column, row), 1) - 2.0
    return corner + randomness.uniform("data", (count, 2)).cpu()


MIXTURES: dict[str, Callable[[], Components]] = {
    "eight-gaussians": eight_gaussians,
    "two-moons": two_moons,
    "pinwheel": pinwheel,
    "spiral": spiral,
    "rings": rings,
}


def _along(curve: Curve, ends: tuple[float, float], std: float) -> Tensor:
    """Places [K, 2] on a curve, two `std` apart by length."""
    points = torch.stack(curve(torch.linspace(*ends, 20_000, dtype=torch.float64)), 1)
    length = torch.cat((torch.zeros(1), points.diff(dim=0).norm(dim=1).cumsum(0)))
    count = round(float(length[-1]) / (2 * std)) + 1
    wanted = torch.linspace(0, float(length[-1]), count, dtype=torch.float64)
    return points[torch.searchsorted(length, wanted).clamp(max=len(points) - 1)]


def _rotation(turn: Tensor) -> Tensor:
    return torch.stack((turn.cos(), -turn.sin(), turn.sin(), turn.cos())).reshape(2, 2)


def _evenly(means: Tensor, std: float) -> Components:
    return _mixture(means, torch.full((len(means),), std), torch.ones(len(means)))


def _mixture(means: Tensor, stds: Tensor, weights: Tensor) -> Components:
    weights = weights.double() / weights.double().sum()
    centred = means - weights @ means
    return Components(centred.float(), stds.float(), weights.float())
