"""How to go from t to s: what a sampler means for a model, and what it comes to."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from engine.contract.catalogue import Guidance
from engine.contract.errors import UserError
from engine.contract.legality import GRID, How, how, is_outside, snapped
from engine.contract.messages import Sampler
from engine.explore.models import Loaded
from engine.flow.clock import Time
from engine.flow.dyadic import Dyadic
from engine.flow.flow_map import FlowMap, Network, Velocity
from engine.flow.grids import karras
from engine.flow.guidance import guided, told
from engine.flow.renoise import below
from engine.flow.sampling import allowed, evaluations
from engine.flow.solvers import even

STEPS = 1000  # of one jump at most
Wanted = Callable[[], bool]


class Abandoned(Exception):
    """What is being computed is no longer wanted."""


@dataclass(frozen=True)
class Way:
    """Times from t to s, and the flow map that goes through them with a share `gamma` of new noise.

    `asks` is how often the network is asked where the flow map asks once.
    """

    flow_map: FlowMap
    times: Sequence[Time]
    gamma: float
    asks: int = 1

    @property
    def nfe(self) -> int:
        """Evaluations of the network; of samples with times of their own, of the dearest."""
        return self.asks * evaluations(self.flow_map, self.times, self.gamma)

    @property
    def how(self) -> How:
        """What leads to the end, in as many words as the dearest sample needs."""
        jumps = self.nfe // self.asks
        found = {
            how(self.flow_map.capability, t, s, jumps, self.gamma)
            for t, s in _pairs(self.times[0], self.times[-1])
        }
        ranked: tuple[How, ...] = ("ODE", "re-noise", "composed", "jump")
        return next((word for word in ranked if word in found), "stay")

    @property
    def outside(self) -> bool:
        """Whether the network is asked for what it was not trained for, for any sample."""
        return any(
            is_outside(self.flow_map.capability, t, s, getattr(self.flow_map, "grid", GRID))
            for start, end in pairwise(self.times)
            for t, s in _pairs(start, below(end, self.gamma) if self.gamma else end)
        )


def way(
    loaded: Loaded,
    t: Time,
    s: Time,
    steps: int = 1,
    sampler: Sampler | None = None,
    fast: bool = False,
) -> Way:
    """The way from `t` to `s` in `steps` steps. Raises UserError where a sampler does not fit."""
    sampler = sampler or Sampler()
    _check_solver(loaded, sampler)
    base = loaded.halved if fast else loaded.flow_map
    network, asks = _guided(loaded, base.network, sampler)
    if network is not base.network or sampler.solver != Sampler().solver:
        base = loaded.flow_map_of(network, sampler.solver)
    gamma = allowed(base, 1.0 if sampler.keep else sampler.gamma)
    return Way(base, _times(base, t, s, steps, sampler, gamma), gamma, asks)


def along_velocity(
    loaded: Loaded, t: float, s: float, sampler: Sampler | None = None, fast: bool = False
) -> Way:
    """One step of Heun along the velocity of a model that knows one, in either direction.

    Of a flow map that is u(x, t, t); a model of endpoints or of steps takes its own way.
    """
    taken = way(loaded, t, s, sampler=sampler, fast=fast)
    if taken.flow_map.capability != "flow map":
        return taken
    return replace(taken, flow_map=Velocity(taken.flow_map.network), times=(t, s), gamma=0.0)


def _guided(loaded: Loaded, network: Network, sampler: Sampler) -> tuple[Network, int]:
    """The network as it is guided, and how often that asks it. Raises UserError."""
    can, asked = loaded.info.guidance, sampler.guides()
    if can is None:
        if asked not in (Sampler(), Sampler(guidance=1.0)):
            raise UserError(
                f"{loaded.info.name} cannot be guided while sampling: only a velocity that was "
                "trained with hidden labels can, or a model that learned all guidances."
            )
        return network, 1
    taken = can.chosen(asked.guidance, asked.guidance_from, asked.guidance_to)
    _check_guidance(taken)
    if taken.told:
        return told(network, taken.omega, taken.start, taken.end), 1
    if taken.omega == 1:
        return network, 1
    return guided(network, loaded.classes, taken.omega, taken.start, taken.end), 2


def interruptible(taken: Way, wanted: Wanted) -> Way:
    """The same way, given up before an evaluation of the network as soon as it is not `wanted`.

    What goes it raises Abandoned then.
    """
    flow_map = copy.copy(taken.flow_map)
    network = flow_map.network

    def asked(x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
        if not wanted():
            raise Abandoned
        return network(x, t, s, label)

    flow_map.network = asked
    return replace(taken, flow_map=flow_map)


def _times(
    flow_map: FlowMap, t: Time, s: Time, steps: int, sampler: Sampler, gamma: float
) -> Sequence[Time]:
    if isinstance(sampler.times, tuple):
        return _through(t, sampler.times, s)
    if sampler.times == "karras":
        if isinstance(t, Tensor) or isinstance(s, Tensor):
            raise UserError("Karras' times need one t and one s for all samples; take even times.")
        return karras(t, s, steps)
    if not gamma:
        return flow_map.times(t, s, steps)
    times = even(t, s, steps)
    if isinstance(flow_map, Dyadic) and not isinstance(t, Tensor) and not isinstance(s, Tensor):
        return [t, *(snapped(float(time), flow_map.grid) for time in times[1:-1]), s]
    return times


def _through(t: Time, between: tuple[float, ...], s: Time) -> list[Time]:
    if isinstance(t, Tensor) or isinstance(s, Tensor):
        raise UserError("Times to pass need one t and one s for all samples; take even times.")
    times = [t, *between, s]
    ordered = sorted(set(times), reverse=t >= s)
    if len(times) > STEPS + 1 or times != ordered or any(time != time for time in between):
        known = ", ".join(f"{time:g}" for time in between)
        raise UserError(f"Times to pass must lead from {t:g} to {s:g} in order; {known} do not.")
    return [*times]


def _pairs(t: Time, s: Time) -> list[tuple[float, float]]:
    """Each pair (t, s) that occurs among the samples."""
    if not isinstance(t, Tensor) and not isinstance(s, Tensor):
        return [(t, s)]
    both = torch.broadcast_tensors(torch.as_tensor(t), torch.as_tensor(s))
    return [(start, end) for start, end in torch.stack(both, -1).unique(dim=0).tolist()]


def _check_guidance(taken: Guidance) -> None:
    if not taken.least <= taken.omega <= taken.most:  # also for nan
        span = f"{taken.least:g} and {taken.most:g}"
        raise UserError(f"Guidance must lie between {span}, not {taken.omega:g}.")
    if not 0 <= taken.start <= taken.end <= 1:
        raise UserError(
            "Guidance must hold from one time in [0, 1] to another that is not smaller, not from "
            f"{taken.start:g} to {taken.end:g}."
        )


def _check_solver(loaded: Loaded, sampler: Sampler) -> None:
    """Only a velocity has a solver to choose."""
    if loaded.info.capability != "velocity" and sampler.solver != Sampler().solver:
        raise UserError(f"{loaded.info.name} jumps by itself; only a velocity takes a solver.")
