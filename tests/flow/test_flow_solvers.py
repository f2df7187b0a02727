"""Solvers: orders of convergence, directions, grids."""

import math
from itertools import pairwise

import pytest
import torch
from flow_support import GAUSSIAN, points
from torch import Tensor

from engine.contract.messages import Solver
from engine.flow.clock import Time, spread
from engine.flow.oracles.mixture import Mixture
from engine.flow.oracles.oracle import Oracle
from engine.flow.paths import VE, VP, Linear, Path, Trig
from engine.flow.solvers import (
    EVALUATIONS,
    SOLVERS,
    Step,
    along,
    dpm_solver,
    euler,
    even,
    heun,
    integrate,
    rk4,
    trajectory,
)

MIXTURE = Mixture(
    torch.tensor([[1.0, 0.0], [-1.0, 0.5], [0.0, -1.0]], dtype=torch.float64),
    torch.tensor([0.5, 0.6, 0.4], dtype=torch.float64),
    torch.ones(3, dtype=torch.float64),
)


def field(x: Tensor, t: Time) -> Tensor:
    """dx/dt = cos(t) x, solved by x_0 exp(sin t)."""
    return torch.cos(spread(t, x)) * x


def error(step: Step, steps: int) -> float:
    x = torch.ones(1, 1, dtype=torch.float64)
    return abs(integrate(field, x, even(0.0, 1.0, steps), step).item() - math.exp(math.sin(1)))


@pytest.mark.parametrize(("step", "order"), [(euler, 1), (heun, 2), (rk4, 4)])
def test_order_of_convergence(step: Step, order: int) -> None:
    assert math.log2(error(step, 20) / error(step, 40)) == pytest.approx(order, abs=0.15)


@pytest.mark.parametrize("solver", list(SOLVERS))
def test_evaluations_are_counted_truly(solver: Solver) -> None:
    calls = []

    def counted(x: Tensor, t: Time) -> Tensor:
        calls.append(t)
        return field(x, t)

    SOLVERS[solver](counted, torch.ones(1, 1), even(0.0, 1.0, 3))
    assert len(calls) == 3 * EVALUATIONS[solver]


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


def errors(oracle: Oracle, take, t: float, s: float, counts: tuple[int, ...]) -> list[float]:
    """The largest errors of `take(times)` after so many even steps from `t` to `s`."""
    right = integrate(oracle.v, points(), even(t, s, 400))
    return [float((take(even(t, s, count)) - right).abs().max()) for count in counts]


@pytest.mark.parametrize("oracle", [GAUSSIAN, MIXTURE])
def test_dpm_solver_has_order_two(oracle: Oracle) -> None:
    coarse, fine = errors(
        oracle, lambda times: dpm_solver(oracle.v, points(), times), 0.9, 0.1, (40, 80)
    )
    assert math.log2(coarse / fine) == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("oracle", [GAUSSIAN, MIXTURE])
def test_dpm_solver_is_better_than_euler_from_pure_noise_to_data(oracle: Oracle) -> None:
    (two,) = errors(oracle, lambda times: dpm_solver(oracle.v, points(), times), 1.0, 0.0, (40,))
    (one,) = errors(oracle, lambda times: integrate(oracle.v, points(), times, euler), 1, 0, (40,))
    assert two < 0.3 * one


def test_dpm_solver_is_the_papers_formula() -> None:
    """x_s = (s / t) x_t - (1 - s) (e^-h - 1) D~, D~ = (1 + 1 / 2r) D - D_before / 2r."""
    times = [0.95, 0.7, 0.4, 0.35, 0.1]
    x, before = points(), None
    for t, s in pairwise(times):
        data = x - t * MIXTURE.v(x, t)
        h = math.log(t / (1 - t)) - math.log(s / (1 - s))
        drawn = data
        if before is not None:
            r = before[1] / h
            drawn = (1 + 1 / (2 * r)) * data - before[0] / (2 * r)
        x = s / t * x - (1 - s) * math.expm1(-h) * drawn
        before = data, h
    torch.testing.assert_close(dpm_solver(MIXTURE.v, points(), times), x, rtol=0, atol=1e-12)


@pytest.mark.parametrize("times", [[1.0, 0.6, 0.5, 0.0], [0.9, 0.2], [0.3, 0.8, 1.0], [1.0, 0.0]])
def test_dpm_solver_is_exact_where_all_paths_end_in_one_point(times: list[float]) -> None:
    data = torch.tensor([0.5, -2.0], dtype=torch.float64)
    found = dpm_solver(lambda x, t: (x - data) / spread(t, x), points(), times)
    share = times[-1] / times[0]
    torch.testing.assert_close(found, share * points() + (1 - share) * data, rtol=0, atol=1e-12)


def test_dpm_solver_leaves_alone_who_is_there() -> None:
    t = torch.tensor([0.0, 0.5, 1.0, 0.8], dtype=torch.float64)
    s = torch.tensor([0.0, 0.5, 1.0, 0.0], dtype=torch.float64)
    found = dpm_solver(MIXTURE.v, points(4), even(t, s, 5))
    assert found[:3].equal(points(4)[:3])
    alone = dpm_solver(MIXTURE.v, points(4)[3:], even(0.8, 0.0, 5))
    torch.testing.assert_close(found[3:], alone, rtol=0, atol=1e-12)


@pytest.mark.parametrize("path", [VE(), Trig(0.5)])
def test_heun_along_another_path_has_order_two(path: Path) -> None:
    def take(times: list[Time]) -> Tensor:
        return integrate(GAUSSIAN.v, points(), times, along(path, heun))

    coarse, fine = errors(GAUSSIAN, take, 0.95, 0.02, (40, 80))
    assert math.log2(coarse / fine) == pytest.approx(2, abs=0.1)


def test_heun_differs_from_path_to_path_and_eulers_step_in_ve_does_not() -> None:
    x, t = points(), torch.linspace(0.05, 0.95, 20, dtype=torch.float64)
    s = t.flip(0)
    linear, ve = (step(MIXTURE.v, x, t, s) for step in (euler, along(VE(), euler)))
    torch.testing.assert_close(linear, ve, rtol=0, atol=1e-12)
    assert (
        float((heun(MIXTURE.v, x, t, s) - along(VE(), heun)(MIXTURE.v, x, t, s)).abs().max()) > 0.1
    )


def test_along_the_common_path_nothing_changes() -> None:
    for step in (euler, heun, rk4):
        found = along(Linear(), step)(MIXTURE.v, points(), 0.9, 0.2)
        torch.testing.assert_close(found, step(MIXTURE.v, points(), 0.9, 0.2), rtol=0, atol=1e-12)


def test_along_a_path_is_the_step_on_its_own_clock_and_state() -> None:
    """Heun's step in EDM's coordinates, dx/dsigma = (x - D) / sigma, written out."""
    x, t, s = points(), 0.8, 0.3
    start, end = t / (1 - t), s / (1 - s)

    def slope(y: Tensor, sigma: float) -> Tensor:
        data, _ = MIXTURE.expected(y / (1 + sigma), sigma / (1 + sigma))
        return (y - data) / sigma

    y = x * (1 + start)
    first = slope(y, start)
    y = y + (end - start) / 2 * (first + slope(y + (end - start) * first, end))
    found = along(VE(), heun)(MIXTURE.v, x, t, s)
    torch.testing.assert_close(found, y / (1 + end), rtol=0, atol=1e-12)


def test_along_a_path_of_a_bent_clock_one_time_a_sample() -> None:
    x, t = points(3), torch.tensor([0.9, 0.5, 0.2], dtype=torch.float64)
    s = torch.tensor([0.1, 0.5, 0.6], dtype=torch.float64)
    together = along(VP(), heun)(MIXTURE.v, x, t, s)
    for i in range(3):
        alone = along(VP(), heun)(MIXTURE.v, x[i : i + 1], t[i].item(), s[i].item())
        torch.testing.assert_close(together[i : i + 1], alone, rtol=0, atol=1e-12)
    torch.testing.assert_close(together[1], x[1], rtol=0, atol=1e-12)
