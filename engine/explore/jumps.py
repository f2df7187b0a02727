"""From where to where: x_t, and x_s = jump(x_t, t, s)."""

import math
from functools import lru_cache
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from engine.contract.errors import UserError
from engine.contract.legality import How
from engine.contract.messages import Sampler, Source
from engine.explore.draws import draw_noise, labels, start
from engine.explore.models import Loaded
from engine.explore.ways import STEPS, Way, way
from engine.flow.clock import Time, spread
from engine.flow.paths import Linear
from engine.flow.sampling import sample

CARRY = 32  # steps that carry noise from t = 1 to t = 0 where only a velocity is known
_PIECE = {1: 4096, 3: 64}  # samples at a time, by the dimensions of one


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


class Again(NamedTuple):
    """Noise that is added on the way: its seed, and a name of its own for each way."""

    seed: int = 0
    kind: str = "jump"


_ALWAYS = Again()
_UNSAID = Sampler()


def states(
    loaded: Loaded,
    source: Source,
    t: float,
    s: float,
    steps: int = 1,
    fast: bool = False,
    sampler: Sampler | None = None,
) -> States:
    """Where the samples of `source` stand at `t`, and where the model sends them at `s`.

    `fast` takes bfloat16. Raises UserError for times outside [0, 1], for a sampler that the model
    does not allow, or where its answer is not finite.
    """
    check_times(t, s, steps)
    taken = way(loaded, t, s, steps, sampler, fast)
    x_t = state_at(loaded, source, t, fast, (sampler or Sampler()).guides())
    label = start(loaded, source).label
    x_s = go(loaded, taken, x_t, label, fast, Again(source.seed))
    nfe = taken.nfe
    return States(x_t, x_s, nfe, taken.outside, taken.how, carried(loaded, source, t))


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
    """x_t: data mixed with noise, or noise carried from t = 1 by the model itself.

    `guides` is as much of a sampler as guides it there.
    """
    noise, data, label = start(loaded, source)
    if data is not None:
        return Linear().mix(data, noise, t)
    if t == 1.0:
        return noise
    if loaded.info.capability == "velocity":
        return _carried(loaded, source, fast, guides).at(t)
    # The noise that an endpoint adds here is not the one that it adds in the jump from here.
    taken = way(loaded, 1.0, t, sampler=guides, fast=fast)
    return go(loaded, taken, noise, label, fast, Again(source.seed, "carry"))


def carried(loaded: Loaded, source: Source, t: float) -> How | Literal[""]:
    """What led from noise to x_t."""
    if source.kind == "data" or t == 1:
        return ""
    return way(loaded, 1.0, t).how


class Carried:
    """Noise on its way from t = 1 to data along a velocity: every step is taken once and kept."""

    def __init__(self, loaded: Loaded, source: Source, fast: bool, guides: Sampler) -> None:
        noise, _, self._label = start(loaded, source)
        self._states = [noise]
        self._loaded, self._fast, self._guides = loaded, fast, guides

    def at(self, t: float) -> Tensor:
        """The state at `t`: one step from the last of the even times before it."""
        before = int((1 - t) * CARRY)
        while len(self._states) <= before:
            k = len(self._states)
            x = self._step(self._states[-1], 1 - (k - 1) / CARRY, 1 - k / CARRY)
            self._states.append(x)
        return self._step(self._states[before], 1 - before / CARRY, t)

    def _step(self, x: Tensor, t: float, s: float) -> Tensor:
        taken = way(self._loaded, t, s, sampler=self._guides, fast=self._fast)
        return go(self._loaded, taken, x, self._label, self._fast)


_carried = lru_cache(maxsize=2)(Carried)


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


@torch.inference_mode()
def go(
    loaded: Loaded,
    taken: Way,
    x_t: Tensor,
    label: Tensor | None,
    fast: bool = False,
    again: Again = _ALWAYS,
) -> Tensor:
    """Any number of samples on their way, in pieces that fit in memory; who is there stays."""
    found = []
    size = _PIECE[x_t.ndim - 1]
    for at in range(0, len(x_t), size):
        piece = slice(at, at + size)
        times = [time[piece] if isinstance(time, Tensor) else time for time in taken.times]
        own = None if label is None else label[piece].to(loaded.device)
        x = x_t[piece].to(loaded.device)

        def noise(k: int, x: Tensor = x, at: int = at) -> Tensor:
            kind = f"{again.kind} {k}"
            return draw_noise(again.seed, len(x), tuple(x.shape[1:]), kind, at).to(x)

        with torch.autocast(loaded.device.type, torch.bfloat16, enabled=fast):
            moved = sample(taken.flow_map, x, times, taken.gamma, own, noise)
        stays = spread(torch.as_tensor(times[0]) == torch.as_tensor(times[-1]), x).bool()
        found.append(torch.where(stays, x, moved.float()).cpu())
    x_s = torch.cat(found)
    if not torch.isfinite(x_s).all():
        raise UserError(
            f"The answer of {loaded.info.name} is not finite; open an earlier checkpoint of it."
        )
    return x_s
