"""Solvers: orders of convergence, directions, grids."""

import math

import pytest
import torch
from torch import Tensor

from engine.flow.clock import Time, spread
from engine.flow.solvers import EVALUATIONS, Step, euler, even, heun, integrate, rk4, trajectory


def field(x: Tensor, t: Time) -> Tensor:
    """dx/dt = cos(t) x, solved by x_0 exp(sin t)."""
    return torch.cos(spread(t, x)) * x


def error(step: Step, steps: int) -> float:
    x = torch.ones(1, 1, dtype=torch.float64)
    return abs(integrate(field, x, even(0.0, 1.0, steps), step).item() - math.exp(math.sin(1)))


@pytest.mark.parametrize(("step", "order"), [(euler, 1), (heun, 2), (rk4, 4)])
def test_order_of_convergence(step: Step, order: int) -> None:
    assert math.log2(error(step, 20) / error(step, 40)) == pytest.approx(order, abs=0.15)


@pytest.mark.parametrize("step", [euler, heun, rk4])
def test_evaluations_are_counted_truly(step: Step) -> None:
    calls = []

    def counted(x: Tensor, t: Time) -> Tensor:
        calls.append(t)
        return field(x, t)

    step(counted, torch.ones(1, 1), 0.0, 1.0)
    assert len(calls) == EVALUATIONS[step]


@pytest.mark.parametrize("step", [euler, heun, rk4])
def test_a_constant_field_is_exact_in_one_step(step: Step) -> None:
    x, v = torch.randn(2, 5, 3, dtype=torch.float64)
    moved = step(lambda _x, _t: v, x, 0.9, 0.2)
    torch.testing.assert_close(moved, x - 0.7 * v)


def test_there_and_back() -> None:
    x = torch.randn(6, 2, dtype=torch.float64)
    there = integrate(field, x, even(0.0, 1.0, 100))
    torch.testing.assert_close(integrate(field, there, even(1.0, 0.0, 100)), x, rtol=0, atol=1e-9)


def test_one_time_a_sample_equals_one_by_one() -> None:
    x = torch.randn(3, 2, dtype=torch.float64)
    t = torch.tensor([0.1, 0.5, 1.0], dtype=torch.float64)
    s = torch.tensor([0.9, 0.5, 0.0], dtype=torch.float64)
    together = integrate(field, x, even(t, s, 7))
    for i in range(3):
        alone = integrate(field, x[i : i + 1], even(t[i].item(), s[i].item(), 7))
        torch.testing.assert_close(together[i : i + 1], alone)
    assert together[1].equal(x[1])


def test_the_trajectory_starts_at_x_and_ends_where_integrate_does() -> None:
    x = torch.randn(3, 2, dtype=torch.float64)
    times = even(1.0, 0.25, 5)
    states = trajectory(field, x, times)
    assert states.shape == (6, 3, 2)
    assert states[0].equal(x)
    assert states[-1].equal(integrate(field, x, times))


def test_even_times_have_exact_ends() -> None:
    times = even(0.1, 0.7, 3)
    assert (times[0], times[-1]) == (0.1, 0.7)
    assert times == pytest.approx([0.1, 0.3, 0.5, 0.7])


def test_no_steps_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one step"):
        even(1.0, 0.0, 0)
