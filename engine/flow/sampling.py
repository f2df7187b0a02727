"""Sampling: through given times from noise to data, with as much new noise as is wanted."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from engine.contract.errors import UserError
from engine.flow.base import FlowMap
from engine.flow.clock import Time
from engine.flow.renoise import Noise, below, noised, own_noise


@torch.no_grad()
def sample(
    flow_map: FlowMap,
    x: Tensor,
    times: Sequence[Time] = (1.0, 0.0),
    gamma: float | None = None,
    label: Tensor | None = None,
    noise: Noise | None = None,
    amend: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """What stands in `x` [B, ...] at `times[0]`, carried through all `times`.

    gamma = 0 jumps from each time to the next, or takes a step of a velocity's solver. gamma = 1
    jumps to data and adds noise up to the next time: consistency multistep. Between lies CTM's
    gamma-sampling (arXiv 2310.02279, algorithm 3). All keep the law of x where the map is exact.
    None is what the model's capability asks for. Raises UserError for a gamma it does not allow.
    `amend` changes what was jumped to at data, before noise is added; then gamma must be 1.
    """
    gamma = allowed(flow_map, gamma)
    if amend and gamma != 1:
        raise UserError("What is known of a sample can be put back at data alone; take gamma 1.")
    if gamma == 0:
        return flow_map.carry(x, times, label, noise)
    noise = noise or own_noise(x)
    for k, (t, s) in enumerate(pairwise(times)):
        x = flow_map.carry(x, (t, below(s, gamma)), label)
        x = amend(x) if amend else x
        last = not isinstance(s, Tensor) and s == 0
        x = x if last else noised(x, s, gamma, noise(k))
    return x


def evaluations(flow_map: FlowMap, times: Sequence[Time], gamma: float | None = None) -> int:
    """Evaluations of the network that `sample` takes."""
    gamma = allowed(flow_map, gamma)
    if gamma == 0:
        return flow_map.evaluations(times)
    hops = ((t, below(s, gamma)) for t, s in pairwise(times))
    return sum(flow_map.evaluations(hop) for hop in hops)


def allowed(flow_map: FlowMap, gamma: float | None) -> float:
    """`gamma`, or the flow map's own. Raises UserError where it cannot be sampled so."""
    if gamma is None:
        return flow_map.gamma
    if not 0 <= gamma <= 1:  # also for nan
        raise UserError(f"gamma must lie between 0 (no new noise) and 1 (all new), not {gamma:g}.")
    match flow_map.capability:
        case "velocity" if gamma > 0:
            raise UserError("A velocity is integrated without new noise; leave gamma at 0.")
        case "endpoint" if gamma not in (flow_map.gamma, 1):
            raise UserError("A consistency model renews all noise at each step; gamma must be 1.")
        case "dyadic" if gamma not in (0, 1):
            raise UserError("Between gamma 0 and 1 jumps leave the dyadic grid; take 0 or 1.")
    return gamma
