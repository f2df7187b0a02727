"""Paths of points from t to s, as the model knows them and as they truly are."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from engine.contract.errors import UserError
from engine.contract.messages import Source
from engine.explore.jumps import carry_steps, check_times, jump_states, state_at
from engine.explore.models import Loaded
from engine.flow.clock import Time
from engine.flow.oracles.mixture import Mixture
from engine.flow.solvers import even, trajectory

POINTS, PATHS = 512, 4096  # of one answer at most
EXACT = 48  # RK4 steps over [0, 1]: rms error below 1e-4 for every shipped set, not to be seen


class Traces(NamedTuple):
    """`learned` and `exact` [k, paths, 2] at `times`, `exact_x_s` [n, 2], and rms errors.

    `error` is that of the learned x_s, `nothing` that of staying at x_t; -1 where the exact map
    is not known.
    """

    times: tuple[float, ...]
    learned: Tensor
    exact: Tensor | None = None
    exact_x_s: Tensor | None = None
    error: float = -1.0
    nothing: float = -1.0


class Abandoned(Exception):
    """What is being computed is no longer wanted."""


def traces(
    loaded: Loaded,
    source: Source,
    t: float,
    s: float,
    points: int = 24,
    paths: int = 48,
    wanted: Callable[[], bool] = lambda: True,
) -> Traces:
    """Paths of the first `paths` samples through `points` times from `t` to `s`.

    Raises UserError for what has no paths, and Abandoned as soon as it is not `wanted` any more.
    """
    check_times(t, s, 1)
    _check(loaded, points, paths)
    x_t = state_at(loaded, source, t)
    times = tuple(float(time) for time in even(t, s, points - 1))
    learned = _learned(loaded, x_t[:paths], times)
    oracle = loaded.dataset.exact()
    if oracle is None:
        return Traces(times, learned)
    exact = _exact(oracle, x_t, times, wanted)
    x_s, _ = jump_states(loaded, x_t, t, s, steps=carry_steps(loaded, abs(t - s)))
    error, nothing = _rms(x_s - exact[-1]), _rms(x_t - exact[-1])
    return Traces(times, learned, exact[:, :paths], exact[-1], error, nothing)


def _learned(loaded: Loaded, x_t: Tensor, times: Sequence[float]) -> Tensor:
    """Each point of a path by a jump of its own from t; a velocity is followed along the path."""
    if loaded.info.capability != "velocity":
        s = torch.tensor(times).repeat_interleave(len(x_t))
        flat, _ = jump_states(loaded, x_t.repeat(len(times), 1), times[0], s)
        return flat.reshape(len(times), *x_t.shape)
    states = [x_t]
    for t, s_next in pairwise(times):
        steps = carry_steps(loaded, abs(t - s_next))
        states.append(jump_states(loaded, states[-1], t, s_next, steps=steps)[0])
    return torch.stack(states)


def _exact(
    oracle: Mixture, x_t: Tensor, times: Sequence[float], wanted: Callable[[], bool]
) -> Tensor:
    """The true states [k, n, 2] at `times`."""

    def v(x: Tensor, t: Time) -> Tensor:
        if not wanted():
            raise Abandoned
        return oracle.v(x, t)

    segments = len(times) - 1
    between = max(1, math.ceil(EXACT * abs(times[0] - times[-1]) / segments))
    fine = even(times[0], times[-1], segments * between)
    return trajectory(v, x_t, fine)[::between]


def _check(loaded: Loaded, points: int, paths: int) -> None:
    if loaded.info.data.kind != "points":
        raise UserError(f"{loaded.info.name} makes pictures; only points have paths to draw.")
    if not 2 <= points <= POINTS:
        raise UserError(f"A path must have 2 to {POINTS} points, not {points}.")
    if not 1 <= paths <= PATHS:
        raise UserError(f"The number of paths must lie between 1 and {PATHS}, not {paths}.")


def _rms(difference: Tensor) -> float:
    return float(difference.square().mean().sqrt())
