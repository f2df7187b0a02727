"""Solvers of the probability-flow ODE dx/dt = v(x, t), in either direction of time."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from engine.flow.clock import Time, spread

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


EVALUATIONS: dict[Step, int] = {euler: 1, heun: 2, rk4: 4}


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
