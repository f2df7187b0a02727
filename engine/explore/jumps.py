"""From where to where: x_t, and x_s = jump(x_t, t, s)."""

import math
from functools import lru_cache, partial
from typing import NamedTuple

import torch
from torch import Tensor

from engine.contract.errors import UserError
from engine.contract.messages import Source
from engine.explore.draws import labels, start
from engine.explore.models import Loaded
from engine.flow.clock import Time
from engine.flow.paths import Linear

STEPS = 1000  # of one jump at most
CARRY = 32  # steps that carry noise from t = 1 to t = 0 where only a velocity is known
_PIECE = {1: 4096, 3: 64}  # samples at a time, by the dimensions of one


class States(NamedTuple):
    """`x_t` and `x_s`, float32 [n, ...] on the CPU, and the evaluations from one to the other.

    `outside`: the model was not trained for this jump.
    """

    x_t: Tensor
    x_s: Tensor
    nfe: int
    outside: bool


def states(
    loaded: Loaded, source: Source, t: float, s: float, steps: int = 1, fast: bool = False
) -> States:
    """Where the samples of `source` stand at `t`, and where the model sends them at `s`.

    `fast` takes bfloat16. Raises UserError for times outside [0, 1], or where the model's answer
    is not finite.
    """
    check_times(t, s, steps)
    x_t = state_at(loaded, source, t, fast)
    x_s = jump(loaded, x_t, t, s, steps, start(loaded, source).label, fast)
    return States(x_t, x_s, loaded.flow_map.nfe(t, s, steps), is_outside(loaded, t, s))


def jump_states(
    loaded: Loaded, x_t: Tensor, t: Time, s: Time, *, steps: int = 1, label: int = -1
) -> tuple[Tensor, int]:
    """Where given states [n, ...] come to, one `t` and `s` for all or for each; evaluations."""
    for time in (t, s):
        for end in (float(torch.as_tensor(time).min()), float(torch.as_tensor(time).max())):
            check_times(end, end, steps)
    x_s = jump(loaded, x_t, t, s, steps, labels(loaded, label, len(x_t)))
    return x_s, loaded.flow_map.nfe(1.0, 0.0, steps)


@lru_cache(maxsize=4)
def state_at(loaded: Loaded, source: Source, t: float, fast: bool = False) -> Tensor:
    """x_t: data mixed with noise, or noise carried from t = 1 by the model itself."""
    noise, data, label = start(loaded, source)
    if data is not None:
        return Linear().mix(data, noise, t)
    if t == 1.0:
        return noise
    if loaded.info.capability == "flow map":
        return jump(loaded, noise, 1.0, t, 1, label, fast)
    return _carried(loaded, source, fast).at(t)


class Carried:
    """Noise on its way from t = 1 to data along a velocity: every step is taken once and kept."""

    def __init__(self, loaded: Loaded, source: Source, fast: bool) -> None:
        noise, _, label = start(loaded, source)
        self._states = [noise]
        self._jump = partial(jump, loaded, steps=1, label=label, fast=fast)

    def at(self, t: float) -> Tensor:
        """The state at `t`: one step from the last of the even times before it."""
        before = int((1 - t) * CARRY)
        while len(self._states) <= before:
            k = len(self._states)
            x = self._jump(self._states[-1], t=1 - (k - 1) / CARRY, s=1 - k / CARRY)
            self._states.append(x)
        return self._jump(self._states[before], t=1 - before / CARRY, s=t)


_carried = lru_cache(maxsize=2)(Carried)


def carry_steps(loaded: Loaded, gap: float) -> int:
    """Steps that cross a gap of times well: one where the model knows any jump."""
    return 1 if loaded.info.capability == "flow map" else max(1, math.ceil(CARRY * gap))


def is_outside(loaded: Loaded, t: float, s: float) -> bool:
    """Whether the model was not trained for this jump; a velocity serves both directions."""
    return s > t and loaded.info.capability != "velocity"


def check_times(t: float, s: float, steps: int) -> None:
    """Raise UserError where no jump can be."""
    for name, time in (("t", t), ("s", s)):
        if not 0 <= time <= 1:  # also for nan
            raise UserError(f"{name} must lie between 0 (data) and 1 (noise), not {time:g}.")
    if not 1 <= steps <= STEPS:
        raise UserError(f"The number of steps must lie between 1 and {STEPS}, not {steps}.")


@torch.inference_mode()
def jump(
    loaded: Loaded,
    x_t: Tensor,
    t: Time,
    s: Time,
    steps: int,
    label: Tensor | None,
    fast: bool = False,
) -> Tensor:
    """The jump of any number of samples, in pieces that fit in memory."""
    flow_map, found = loaded.halved if fast else loaded.flow_map, []
    size = _PIECE[x_t.ndim - 1]
    for at in range(0, len(x_t), size):
        piece = slice(at, at + size)
        start, end = (time[piece] if isinstance(time, Tensor) else time for time in (t, s))
        own = None if label is None else label[piece].to(loaded.device)
        x = x_t[piece].to(loaded.device)
        with torch.autocast(loaded.device.type, torch.bfloat16, enabled=fast):
            found.append(flow_map.jump(x, start, end, own, steps).float().cpu())
    x_s = torch.cat(found)
    if not torch.isfinite(x_s).all():
        raise UserError(
            f"The answer of {loaded.info.name} is not finite; open an earlier checkpoint of it."
        )
    return x_s
