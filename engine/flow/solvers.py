"""Solvers of the probability-flow ODE dx/dt = v(x, t), in either direction of time."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor

from engine.contract.messages import Solver
from engine.flow.clock import Time, each, sigma_of, spread
from engine.flow.paths import Linear, Path

Field = Callable[[Tensor, Time], Tensor]
Step = Callable[[Field, Tensor, Time, Time], Tensor]


def euler(v: Field, x: Tensor, t: Time, s: Time) -> Tensor:
    """One step from `t` to `s` of order 1; one evaluation of `v`."""
    return x + spread(s - t, x) * v(x, t)


def heun(v: Field, x: Tensor, t: Time, s: Time) -> Tensor:
    """One step from `t` to `s` of order 2; two evaluations of `v`."""
    h = spread(s - t, x)
    first = v(x, t)
    return x + h / 2 * (first + v(x + h * first, s))


def rk4(v: Field, x: Tensor, t: Time, s: Time) -> Tensor:
    """One step from `t` to `s` of order 4; four evaluations of `v`."""
    h, middle = spread(s - t, x), (t + s) / 2
    first = v(x, t)
    second = v(x + h / 2 * first, middle)
    third = v(x + h / 2 * second, middle)
    fourth = v(x + h * third, s)
    return x + h / 6 * (first + 2 * second + 2 * third + fourth)


def along(path: Path, step: Step) -> Step:
    """`step` taken on the clock and in the state of `path`, between states of the common clock.

    Straight lines on one path are curves on another, so that Heun's step is not the same everywhere
    (Euler's is, from VE to linear). Neither time may lie where the path has none (VE at t = 1).
    """

    def taken(v: Field, x: Tensor, t: Time, s: Time) -> Tensor:
        def field(y: Tensor, own: Time) -> Tensor:
            at = each(own, y)
            state, time = path.to_common(y, at)
            found = v(state, time)
            data = Linear().data_from_velocity(state, found, time)
            return path.velocity(data, Linear().noise_from_velocity(state, found, time), at)

        y, start = path.from_common(x, each(t, x))
        end = path.time_of(sigma_of(each(s, x)))
        return path.to_common(step(field, y, start, end), end)[0]

    return taken


def even(t: Time, s: Time, steps: int) -> list[Time]:
    """`steps` + 1 evenly spaced times from `t` to `s`, both exactly."""
    if steps < 1:
        raise ValueError(f"A jump needs at least one step, not {steps}.")
    return [*(t + (s - t) * (k / steps) for k in range(steps)), s]


def integrate(v: Field, x: Tensor, times: Sequence[Time], step: Step = rk4) -> Tensor:
    """Carry `x`, which stands at `times[0]`, through all `times`; its state at the last."""
    for t, s in pairwise(times):
        x = step(v, x, t, s)
    return x


def trajectory(v: Field, x: Tensor, times: Sequence[Time], step: Step = rk4) -> Tensor:
    """The states [k, B, ...] at each of `times`; `x` stands at `times[0]`."""
    states = [x]
    for t, s in pairwise(times):
        states.append(step(v, states[-1], t, s))
    return torch.stack(states)


def dpm_solver(v: Field, x: Tensor, times: Sequence[Time]) -> Tensor:
    """DPM-Solver++(2M) (arXiv 2211.01095, algorithm 2): order 2 with one evaluation a step.

    The paper's step is x_s = (s / t) x_t - (1 - s) (e^-h - 1) D~ with h = ln(sigma_t / sigma_s) and
    D~ the denoised D drawn on from the step before, D + (h / 2 h_before) (D - D_before). Since
    D = x - t v, it is Euler's step with v - (D~ - D) / t. It stays Euler's where h or h_before is
    not finite: at first, at t = 1 and into s = 0.
    """
    before: tuple[Tensor, Tensor] | None = None
    for t, s in pairwise(times):
        found, start = v(x, t), each(t, x)
        data = x - spread(start, x) * found
        h = torch.logit(start) - torch.logit(each(s, x))
        if before:
            share = torch.nan_to_num(h / (2 * before[1] * start), 0.0, 0.0, 0.0)
            found = found - spread(share, x) * (data - before[0])
        x = x + spread(s - t, x) * found
        before = data, h
    return x


SOLVERS: dict[Solver, Callable[[Field, Tensor, Sequence[Time]], Tensor]] = {
    "euler": partial(integrate, step=euler),  # the same as DDIM
    "heun": partial(integrate, step=heun),
    "rk4": partial(integrate, step=rk4),
    "dpm++2m": dpm_solver,
}
EVALUATIONS: dict[Solver, int] = {"euler": 1, "heun": 2, "rk4": 4, "dpm++2m": 1}
