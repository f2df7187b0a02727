"""Paths of points from t to s, as the model knows them and as they truly are."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from msgspec import structs
from torch import Tensor

from engine.contract.errors import UserError
from engine.contract.legality import snapped
from engine.contract.messages import Sampler, Source
from engine.explore.jumps import carry_steps, check_times, go, jump_states, state_at
from engine.explore.models import Loaded
from engine.explore.truth import truth
from engine.explore.ways import Abandoned, Wanted, Way, interruptible, way
from engine.flow.clock import Time
from engine.flow.oracles.mixture import Mixture
from engine.flow.solvers import even, trajectory

POINTS, PATHS = 512, 4096  # of one answer at most
_TOGETHER = 16  # paths: what a jump that comes meanwhile waits for, about a millisecond
EXACT = 48  # RK4 steps over [0, 1]: rms error below 1e-4 for every shipped set, not to be seen


class Traces(NamedTuple):
    """`learned` and `exact` [k, paths, 2] at `times`, and `exact_x_s` [n, 2] where it is known.

    `why` says why there are no learned paths.
    """

    times: tuple[float, ...]
    learned: Tensor
    exact: Tensor | None = None
    exact_x_s: Tensor | None = None
    why: str = ""


def traces(
    loaded: Loaded,
    source: Source,
    t: float,
    s: float,
    points: int = 24,
    paths: int = 48,
    wanted: Callable[[], bool] = lambda: True,
    sampler: Sampler | None = None,
) -> Traces:
    """Paths of the first `paths` samples through `points` times from `t` to `s`.

    Raises UserError for what has no paths, and Abandoned as soon as it is not `wanted` any more.
    """
    check_times(t, s, 1)
    _check(loaded, points, paths)
    # The steps are the trace's own, not those of the jump that it goes with.
    sampler = structs.replace(sampler or Sampler(), times="even")
    taken = way(loaded, t, s, carry_steps(loaded, abs(t - s)), sampler)
    x_t = state_at(loaded, source, t)
    times = passed_times(loaded, t, s, points)
    why = why_none(taken)
    learned = learned_paths(loaded, x_t[: 0 if why else paths], times, sampler, wanted)
    oracle = loaded.dataset.exact()
    if oracle is None:
        return Traces(times, learned, why=why)
    true = truth(loaded, source)
    if true is not None and torch.equal(x_t, true.flow.states[0]):  # one integration serves all
        ends = true.at(s, wanted)
        exact = true.flow.path(times, paths)  # one end of it is t, the other is reached
    else:
        exact = _exact(oracle, x_t, times, wanted)
        ends = exact[-1]
    return Traces(times, learned, exact[:, :paths], ends, why)


def passed_times(loaded: Loaded, t: float, s: float, points: int) -> tuple[float, ...]:
    """Times on the way: of a dyadic model those that it knows."""
    times = tuple(float(time) for time in even(t, s, points - 1))
    if loaded.info.capability != "dyadic":
        return times
    between = dict.fromkeys(snapped(time, loaded.info.grid) for time in times[1:-1])
    return (t, *(time for time in between if min(t, s) < time < max(t, s)), s)


def why_none(taken: Way) -> str:
    """Why such a way leaves no path that could be drawn, one sentence; "" where it does."""
    if taken.flow_map.capability == "endpoint":
        return "This model knows where a path ends, not the way there: no path to draw."
    if taken.gamma > 0:
        return "Noise is added on the way: no path to draw."
    return ""


def learned_paths(
    loaded: Loaded,
    x_t: Tensor,
    times: Sequence[float],
    sampler: Sampler,
    wanted: Wanted = lambda: True,
) -> Tensor:
    """The states [k, n, ...] of `x_t` at `times`, of which it stands at the first.

    Each by a jump of its own from there; a velocity is followed along the path. Raises Abandoned.
    """
    if not len(x_t):
        return x_t.new_empty(len(times), *x_t.shape)
    if loaded.info.capability != "velocity":
        found = []
        for some in x_t.split(_TOGETHER):
            if not wanted():
                raise Abandoned
            s = torch.tensor(times).repeat_interleave(len(some))
            flat, _ = jump_states(loaded, some.repeat(len(times), 1), times[0], s)
            found.append(flat.reshape(len(times), *some.shape))
        return torch.cat(found, 1)
    states = [x_t]
    for t, s_next in pairwise(times):
        taken = way(loaded, t, s_next, carry_steps(loaded, abs(t - s_next)), sampler)
        states.append(go(loaded, interruptible(taken, wanted), states[-1], None))
    return torch.stack(states)


def _exact(
    oracle: Mixture, x_t: Tensor, times: Sequence[float], wanted: Callable[[], bool]
) -> Tensor:
    """The true states [k, n, 2] at `times`."""

    def v(x: Tensor, t: Time) -> Tensor:
        if not wanted():
            raise Abandoned
        return oracle.v(x, t)

    between = max(1, math.ceil(EXACT * max(abs(t - s) for t, s in pairwise(times))))
    fine = [time for t, s in pairwise(times) for time in even(t, s, between)[:-1]]
    return trajectory(v, x_t, [*fine, times[-1]])[::between]


def _check(loaded: Loaded, points: int, paths: int) -> None:
    if loaded.info.data.kind != "points":
        raise UserError(f"{loaded.info.name} makes pictures; only points have paths to draw.")
    if not 2 <= points <= POINTS:
        raise UserError(f"A path must have 2 to {POINTS} points, not {points}.")
    if not 1 <= paths <= PATHS:
        raise UserError(f"The number of paths must lie between 1 and {PATHS}, not {paths}.")
