"""From where to where: x_t, and x_s = jump(x_t, t, s)."""

import math
from functools import lru_cache
from typing import Literal, NamedTuple

import torch
from msgspec.structs import replace
from torch import Tensor

from engine.contract.errors import UserError
from engine.contract.legality import How
from engine.contract.messages import Sampler
from engine.contract.source import Moved, Source, is_carried
from engine.explore.carrying import CARRY, Carried, carried_once, one_row
from engine.explore.draws import labels, start
from engine.explore.going import Again as Again
from engine.explore.going import go as go
from engine.explore.keeping import kept
from engine.explore.models import Loaded
from engine.explore.ways import STEPS, Way, way
from engine.flow.clock import Time
from engine.flow.paths import Linear


class States(NamedTuple):
    """`x_t` and `x_s`, float32 [n, ...] on the CPU, and the evaluations from one to the other.

    `outside`: the model was not trained for this jump. `how` led from x_t to x_s, and `carried`
    from noise to x_t; it is empty where nothing did.
    """

    x_t: Tensor
    x_s: Tensor
    nfe: int
    outside: bool
    how: How = "jump"
    carried: How | Literal[""] = ""


class Carrier(NamedTuple):
    """What carries noise to x_t: a model, its sampler, and whether in bfloat16."""

    loaded: Loaded
    sampler: Sampler
    fast: bool = False


_UNSAID = Sampler()


def states(
    loaded: Loaded,
    source: Source,
    t: float,
    s: float,
    steps: int = 1,
    fast: bool = False,
    sampler: Sampler | None = None,
    carrier: Carrier | None = None,
) -> States:
    """Where the samples of `source` stand at `t`, and where the model sends them at `s`.

    `fast` takes bfloat16. A `carrier` brings them to `t` instead of the model itself. Raises
    UserError for times outside [0, 1], for a sampler that the model does not allow, or where its
    answer is not finite.
    """
    check_times(t, s, steps)
    taken = way(loaded, t, s, steps, sampler, fast)
    by = carrier or Carrier(loaded, sampler or Sampler(), fast)
    x_t = state_at(by.loaded, source, t, by.fast, by.sampler.guides())
    label = start(loaded, source).label
    known = kept(loaded, source, sampler)
    x_s = go(loaded, taken, x_t, label, fast, Again(source.seed), known)
    nfe = taken.nfe
    return States(x_t, x_s, nfe, taken.outside, taken.how, carried(by.loaded, source, t))


def jump_states(
    loaded: Loaded,
    x_t: Tensor,
    t: Time,
    s: Time,
    *,
    steps: int = 1,
    label: int = -1,
    sampler: Sampler | None = None,
    seed: int = 0,
) -> tuple[Tensor, Way]:
    """Where given states [n, ...] come to, one `t` and `s` for all or for each; and by what way."""
    for time in (t, s):
        for end in (float(torch.as_tensor(time).min()), float(torch.as_tensor(time).max())):
            check_times(end, end, steps)
    taken = way(loaded, t, s, steps, sampler)
    return go(loaded, taken, x_t, labels(loaded, label, len(x_t)), again=Again(seed)), taken


@lru_cache(maxsize=4)
def state_at(
    loaded: Loaded, source: Source, t: float, fast: bool = False, guides: Sampler = _UNSAID
) -> Tensor:
    """x_t: data mixed with noise, or noise or one sample carried to t by the model itself.

    `guides` is as much of a sampler as guides it there. What a hand moved is brought there alone,
    so that the rest is computed once.
    """
    if not source.moved:
        return _brought(loaded, source, t, fast, guides)
    x_t = state_at(loaded, replace(source, moved=()), t, fast, guides).clone()
    for one in source.moved:
        if one.index < source.count:
            x_t[one.index] = _moved(loaded, source, one, t, fast, guides)
    return x_t


def _moved(
    loaded: Loaded, source: Source, one: Moved, t: float, fast: bool, guides: Sampler
) -> Tensor:
    """Where one sample stands that was moved: a point where it was put, a picture by its noise."""
    start(loaded, source)  # checks it
    if loaded.info.data.kind == "points":
        return torch.tensor((one.x, one.y))
    return _brought(loaded, source, t, fast, guides, one.index)[0]


def _brought(
    loaded: Loaded, source: Source, t: float, fast: bool, guides: Sampler, row: int = -1
) -> Tensor:
    """x_t of all samples, or of sample `row` alone, [1, ...]."""
    noise, data, label = one_row(start(loaded, source), row)
    if is_carried(source):
        return carried_once(loaded, source, fast, guides).at(t)
    if data is not None:
        return Linear().mix(data, noise, t)
    if t == 1.0:
        return noise
    if loaded.info.capability == "velocity":
        # Noise that moves under a hand is asked for once at each place, and pushes nothing out.
        along = carried_once if row < 0 else Carried
        return along(loaded, source, fast, guides, row).at(t)
    # The noise that an endpoint adds here is not the one that it adds in the jump from here.
    taken = way(loaded, 1.0, t, sampler=guides, fast=fast)
    return go(loaded, taken, noise, label, fast, Again(source.seed, "carry", max(0, row)))


def carried(loaded: Loaded, source: Source, t: float) -> How | Literal[""]:
    """What led from noise, or from one sample, to x_t."""
    if is_carried(source):
        return "ODE" if t > 0 else ""
    if source.kind != "noise" or t == 1:
        return ""
    return way(loaded, 1.0, t).how


def carry_steps(loaded: Loaded, gap: float) -> int:
    """Steps that cross a gap of times well: one where the model knows jumps."""
    return max(1, math.ceil(CARRY * gap)) if loaded.info.capability == "velocity" else 1


def check_times(t: float, s: float, steps: int) -> None:
    """Raise UserError where no jump can be."""
    for name, time in (("t", t), ("s", s)):
        if not 0 <= time <= 1:  # also for nan
            raise UserError(f"{name} must lie between 0 (data) and 1 (noise), not {time:g}.")
    if not 1 <= steps <= STEPS:
        raise UserError(f"The number of steps must lie between 1 and {STEPS}, not {steps}.")


def jump(
    loaded: Loaded,
    x_t: Tensor,
    t: Time,
    s: Time,
    steps: int,
    label: Tensor | None,
    fast: bool = False,
) -> Tensor:
    """The jump of any number of samples as the model makes it when nothing else is asked."""
    return go(loaded, way(loaded, t, s, steps, fast=fast), x_t, label, fast)
