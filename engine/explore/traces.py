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
from engine.explore.ways import Abandoned, Way, way
from engine.flow.clock import Time
from engine.flow.oracles.mixture import Mixture
from engine.flow.solvers import even, trajectory

POINTS, PATHS = 512, 4096  # of one answer at most
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
    times = _passed(loaded, t, s, points)
    why = _why_none(taken)
    learned = _learned(loaded, x_t[: 0 if why else paths], times, sampler)
    oracle = loaded.dataset.exact()
    if oracle is None:
        return Traces(times, learned, why=why)
    true = truth(loaded, source)
    if true is not None and torch.equal(x_t, true.flow.states[0]):  # one integration serves all
        ends = true.at(s, wanted)
        exact = torch.stack([true.at(time, wanted, paths) for time in times])
    else:
        exact = _exact(oracle, x_t, times, wanted)
        ends = exact[-1]
    return Traces(times, learned, exact[:, :paths], ends, why)


def _passed(loaded: Loaded, t: float, s: float, points: int) -> tuple[float, ...]:
    """Times on the way: of a dyadic model those that it knows."""
    times = tuple(float(time) for time in even(t, s, points - 1))
    if loaded.info.capability != "dyadic":
        return times
    between = dict.fromkeys(snapped(time, loaded.info.grid) for time in times[1:-1])
    return (t, *(time for time in between if min(t, s) < time < max(t, s)), s)


def _why_none(taken: Way) -> str:
    if taken.flow_map.capability == "endpoint":
        return "This model knows where a path ends, not the way there: no path to draw."
    if taken.gamma > 0:
        return "Noise is added on the way: no path to draw."
    return ""


def _learned(loaded: Loaded, x_t: Tensor, times: Sequence[float], sampler: Sampler) -> Tensor:
    """Each point of a path by a jump of its own from t; a velocity is followed along the path."""
    if not len(x_t):
        return x_t.new_empty(len(times), *x_t.shape)
    if loaded.info.capability != "velocity":
        s = torch.tensor(times).repeat_interleave(len(x_t))
        flat, _ = jump_states(loaded, x_t.repeat(len(times), 1), times[0], s)
        return flat.reshape(len(times), *x_t.shape)
    states = [x_t]
    for t, s_next in pairwise(times):
        taken = way(loaded, t, s_next, carry_steps(loaded, abs(t - s_next)), sampler)
        states.append(go(loaded, taken, states[-1], None))
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
