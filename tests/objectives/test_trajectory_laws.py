"""CTM at the exact flow map of Gaussian data: the paper's own form, fixed point and minimiser."""

from itertools import pairwise

import pytest
import torch
from gaussian_flow import DEVIATION, LinearFlow, fitted, gaussian_batch, variance
from torch import Tensor

from engine.contract import specs
from engine.flow.flow_map import AverageVelocity
from engine.flow.randomness import Randomness
from engine.objectives.base import Models
from engine.objectives.trajectory import Places, Trajectory

COUNT = 64


def exact_teacher(x: Tensor, t: Tensor, label: Tensor | None) -> Tensor:
    return LinearFlow.exact()(x, t, t).detach()


def built(**fields: object) -> Trajectory:
    return Trajectory(specs.CTM(**fields), (1,))  # type: ignore[arg-type]


def error(objective: Trajectory, network: LinearFlow, count: int = 2000) -> float:
    models, randomness = Models(network, network, exact_teacher), Randomness(0)
    found = objective(models, gaussian_batch(count), randomness, 0.0)
    return found.parts["error"].mean().item()


def sigmas(seed: int) -> Tensor:
    """From 0.002 to 80."""
    drawn = torch.rand(COUNT, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return torch.exp(-6.2 + 10.5 * drawn)


class TestTheMap:
    """What the network is asked, in the paper's own clock and words."""

    def test_a_jump_is_the_papers_g_and_capital_g(self) -> None:
        """G(x, t, s) = s/t x + (1 - s/t) g(x, t, s) in VE, with g = x - t u of the common clock."""
        network = LinearFlow(0.3, 0.2)
        t, s = torch.maximum(sigmas(0), sigmas(1)), torch.minimum(sigmas(0), sigmas(1))
        x = torch.randn(COUNT, 1, dtype=torch.float64) * t[:, None]
        common, early, late = x / (1 + t[:, None]), s / (1 + s), t / (1 + t)
        g = common - late[:, None] * network(common, late, early)
        paper = (s / t)[:, None] * x + (1 - s / t)[:, None] * g
        found = AverageVelocity(network).jump(common, late, early) * (1 + s[:, None])
        torch.testing.assert_close(found, paper)

    def test_a_jump_nowhere_leaves_the_state(self) -> None:
        x, t = torch.randn(COUNT, 1, dtype=torch.float64), sigmas(0) / (1 + sigmas(0))
        assert torch.equal(AverageVelocity(LinearFlow(0.3, 0.2)).jump(x, t, t), x)

    def test_at_the_exact_map_g_is_the_denoiser_and_the_end(self) -> None:
        network, t = LinearFlow.exact(), sigmas(0) / (1 + sigmas(0))
        x, at = torch.randn(COUNT, 1, dtype=torch.float64), t[:, None]
        denoised = x - at * network(x, t, t)
        mean = (1 - at) * DEVIATION**2 / variance(at) * x
        torch.testing.assert_close(denoised, mean)
        end = x - at * network(x, t, torch.zeros_like(t))
        torch.testing.assert_close(end, DEVIATION / variance(at).sqrt() * x)


class TestTheTeachersWay:
    def test_it_is_heuns_in_the_papers_clock(self) -> None:
        """dx/dsigma = (x - D) / sigma from sigma to sigma, one sample after another."""
        objective = built(points=9)
        x = torch.randn(6, 1, dtype=torch.float64)
        steps, start = torch.tensor([5, 3, 3, 2, 1, 1]), torch.tensor([3, 0, 2, 6, 7, 0])
        rows = [int((steps > k).sum()) for k in range(5)]
        places = Places(start, start + steps, start + steps, rows)
        found = objective.led(exact_teacher, x, places, None)
        grid = (objective.grid / (1 - objective.grid)).double()

        def slope(y: Tensor, sigma: Tensor) -> Tensor:
            denoised = DEVIATION**2 / (DEVIATION**2 + sigma**2) * y
            return (y - denoised) / sigma

        for row in range(6):
            y = x[row] * (1 + grid[start[row]])
            for k in range(int(start[row]), int(start[row] + steps[row])):
                h, first = grid[k + 1] - grid[k], slope(y, grid[k])
                y = y + h / 2 * (first + slope(y + h * first, grid[k + 1]))
            expected = y / (1 + grid[start[row] + steps[row]])
            torch.testing.assert_close(found[row], expected, rtol=1e-4, atol=1e-7)

    def test_the_grid_is_karras_and_ends_in_data(self) -> None:
        grid = built(points=18).grid.double()
        ends = 80 ** (1 / 7), 0.002 ** (1 / 7)
        sigma = torch.tensor([ends[0] + i / 17 * (ends[1] - ends[0]) for i in range(18)]) ** 7
        torch.testing.assert_close(grid[:-1], (sigma / (1 + sigma)).double(), rtol=1e-5, atol=0)
        assert grid[-1] == 0
        assert (grid.diff() < 0).all()


class TestTheFixedPoint:
    def test_the_error_of_the_exact_map_is_heuns_and_vanishes(self) -> None:
        """Heun's error falls with the square of the number of times, so its square by 16."""
        errors = [
            error(built(points=n, max_solver_steps=999), LinearFlow.exact())
            for n in (10, 20, 40, 80)
        ]
        assert all(after < before / 12 for before, after in pairwise(errors))
        assert errors[-1] < 2e-6

    def test_that_of_another_map_does_not(self) -> None:
        wrong = LinearFlow(-2 * DEVIATION**2, 1.1 * (1 + DEVIATION**2))
        assert error(built(points=80, max_solver_steps=999), wrong) > 1e-3

    @pytest.mark.parametrize(
        "fields",
        [
            {},
            {"balance_dm": False},
            {"lambda_dm": 0.0, "decay": 0.0, "solver_law": "uniform"},
            {"balance_dm": False, "self_taught": True},
            {"self_taught": True},
        ],
        ids=["balanced", "constant", "jumps-alone", "self-taught", "self-taught-balanced"],
    )
    def test_training_reaches_the_closed_form(self, fields: dict[str, object]) -> None:
        many = {"points": 40, "max_solver_steps": 4, "decay": 0.9} | fields
        teacher = None if fields.get("self_taught") else exact_teacher
        network = fitted(specs.CTM(**many), steps=160, count=256, teacher=teacher)
        expected = LinearFlow.exact().weights
        torch.testing.assert_close(network.weights, expected, rtol=0, atol=0.03)
