"""The laws of the pairs of times s < t of a consistency model.

The papers write them in sigma, the time of VE; here t = sigma / (1 + sigma).
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from engine.contract import specs
from engine.flow.clock import time_of
from engine.flow.randomness import Randomness
from engine.objectives import schedules

GridMethod = specs.CD | specs.CT | specs.ICT


class Pairs(NamedTuple):
    """Times s < t, sigma_t - sigma_s, and whether s is where the answer is known; each (B,)."""

    t: Tensor
    s: Tensor
    gap: Tensor
    known: Tensor


def draw(
    spec: specs.ConsistencyMethod, data: Tensor, randomness: Randomness, progress: float
) -> Pairs:
    """A pair for each sample of `data`, of its type and on its device."""
    if not isinstance(spec, specs.ECM):
        chosen = randomness.uniform("times", (len(data),))
        return neighbours(spec, chosen.to(data), progress)
    logarithm = spec.mean + spec.spread * randomness.normal("times", (len(data),)).to(data)
    return mapped(spec, logarithm.exp(), progress)


def neighbours(spec: GridMethod, chosen: Tensor, progress: float) -> Pairs:
    """Neighbours on the grid, the one that `chosen` in [0, 1) falls on.

    Tables are made in float64 on the processor, as neighbours of a fine grid nearly agree.
    """
    sigmas = karras(spec.grid, points(spec, progress))
    reached = probabilities(spec, sigmas).cumsum(0)[:-1].to(chosen)
    index = torch.searchsorted(reached, chosen, right=True)
    t, s = (time_of(part).to(chosen)[index] for part in (sigmas[1:], sigmas[:-1]))
    return Pairs(t, s, sigmas.diff().to(chosen)[index], index == 0)


def mapped(spec: specs.ECM, sigma: Tensor, progress: float) -> Pairs:
    """sigma and r(sigma) = sigma max(0, 1 - (1 + k sigmoid(-b sigma)) / q^(stage + 1)).

    This is the mapping function of arXiv 2406.14548; the answer is known at r = 0, the data.
    """
    shrunk = spec.factor ** (1 + schedules.stage(progress, spec.stages))
    widened = 1 + spec.widening * torch.sigmoid(-spec.steepness * sigma)
    share = (widened / shrunk).clamp(max=1)
    return Pairs(time_of(sigma), time_of(sigma * (1 - share)), sigma * share, share == 1)


def points(spec: GridMethod, progress: float) -> int:
    """Levels of noise of the grid, N."""
    match spec:
        case specs.CD():
            return spec.points
        case specs.CT():
            return schedules.growing(progress, spec.first, spec.last)
        case specs.ICT():
            return schedules.doubling(progress, spec.first, spec.last)


def karras(grid: specs.Grid, count: int) -> Tensor:
    """Rising sigmas (count,) in float64, even in sigma^(1 / rho) (arXiv 2206.00364, eq. 5)."""
    low, high = (sigma ** (1 / grid.rho) for sigma in (grid.sigma_min, grid.sigma_max))
    return torch.linspace(low, high, count, dtype=torch.float64) ** grid.rho


def probabilities(spec: GridMethod, sigmas: Tensor) -> Tensor:
    """The probability of each pair of neighbours, float64.

    Even, or what a normal law of log sigma gives to the gap (arXiv 2310.14189, section 3.5); even
    too where that law lies beside the grid.
    """
    if not isinstance(spec, specs.ICT):
        return torch.full_like(sigmas[1:], 1 / (len(sigmas) - 1))
    below = torch.erf((sigmas.log() - spec.mean) / (spec.spread * math.sqrt(2)))
    gaps = below.diff() + torch.finfo(below.dtype).tiny
    return gaps / gaps.sum()
