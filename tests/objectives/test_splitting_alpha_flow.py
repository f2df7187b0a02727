"""alphaFlow: its schedule, and both of its ends."""

import math
from itertools import pairwise

import pytest
import torch
from gaussian_flow import LinearFlow, fitted, gaussian_batch, significance
from torch import Tensor, nn

from engine.contract import specs
from engine.flow.randomness import Randomness
from engine.objectives import mean_flow
from engine.objectives.alpha_flow import AlphaFlow
from engine.objectives.base import alone, squared_error
from engine.objectives.derivative import total_derivative
from engine.objectives.rows import draw_rows
from engine.objectives.schedules import annealed

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

UNIFORM = specs.Times("uniform")


def at(alpha: float, share: float = 1.0, power: float = 0.0, clip: float = 0.0) -> AlphaFlow:
    """alphaFlow that stands at `alpha` from the first step on."""
    spec = specs.AlphaFlow(
        share, end=0.0, floor=alpha, adaptive_power=power, clip=clip, times=UNIFORM
    )
    return AlphaFlow(spec, (1,))


class Along(LinearFlow):
    """The velocity where a jump starts, wherever it leads."""

    def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None = None) -> Tensor:
        return super().forward(x, t, t)


class TestSchedule:
    def test_it_falls_down_a_sigmoid_and_ends_exactly(self) -> None:
        law = 0.0, 1.0, 25.0, 0.005, 0.0
        alphas = [annealed(k / 1000, *law) for k in range(1001)]
        assert alphas[0] == 1.0
        assert alphas[500] == 0.5
        assert alphas[600] == pytest.approx(1 / (1 + math.exp(2.5)))
        assert alphas[-1] == 0.0
        assert all(later <= sooner for sooner, later in pairwise(alphas))
        reached = math.log(0.995 / 0.005) / 25  # where the sigmoid meets the clamp
        assert alphas.index(0.0) == math.ceil(1000 * (0.5 + reached))
        assert alphas.count(1.0) == math.ceil(1000 * (0.5 - reached))

    def test_start_and_end_move_and_stretch_it(self) -> None:
        law = 0.5, 0.9, 25.0, 0.005, 0.0
        assert annealed(0.49, *law) == 1.0
        assert annealed(0.7, *law) == pytest.approx(0.5)
        assert annealed(0.9, *law) == 0.0
        assert annealed(0.7, 0.7, 0.7, 25.0, 0.005, 0.0) == 0.0

    def test_the_floor_stands_in_for_zero(self) -> None:
        alphas = [annealed(k / 100, 0.0, 1.0, 25.0, 0.005, 0.02) for k in range(101)]
        assert min(alphas) == 0.02
        assert alphas[-1] == 0.02


class TestEnds:
    def test_at_one_it_is_flow_matching_along_the_jump(self) -> None:
        network, batch = LinearFlow(0.3, 0.2), gaussian_batch(50)
        found = at(1.0)(alone(network), batch, Randomness(0), 0.5)
        rows, _ = draw_rows(UNIFORM, 1.0, batch, Randomness(0))
        error = squared_error(rows.asked(network), rows.v).detach()
        torch.testing.assert_close(found.parts["error_jump"], error)
        assert found.parts["alpha"].tolist() == [1.0]
        assert significance(at(1.0).spec, Along(*LinearFlow.exact().weights.tolist())).max() < 3
        assert significance(at(1.0).spec, LinearFlow.exact()).max() > 10

    def test_towards_zero_its_target_is_meanflows(self) -> None:
        network, batch = LinearFlow(0.3, 0.2), gaussian_batch(200)
        rows, _ = draw_rows(UNIFORM, 1.0, batch, Randomness(0))
        du = total_derivative(network, rows.x_t, rows.t, rows.s, rows.v)
        u, aim = rows.asked(network), mean_flow.target(rows.v, rows.t, rows.s, du)
        torch.testing.assert_close(at(0.0).target(alone(network), rows, 0.0)[0], aim)
        apart = [
            ((at(alpha).target(alone(network), rows, alpha)[0] - u) / alpha - (aim - u)).abs().max()
            for alpha in (1e-3, 1e-4)
        ]
        assert apart[0] < 0.05
        assert (apart[1] / apart[0]).item() == pytest.approx(0.1, rel=0.1)

    def test_towards_zero_its_gradient_is_meanflows(self) -> None:
        network, batch = LinearFlow(0.3, 0.2), gaussian_batch(200)
        gradients = [
            torch.autograd.grad(
                at(alpha, 0.5)(alone(network), batch, Randomness(0), 0.5).loss, network.weights
            )[0]
            for alpha in (1e-5, 0.0)
        ]
        torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-6)

    def test_at_zero_the_mean_gradient_vanishes_at_the_exact_map(self) -> None:
        assert significance(at(0.0).spec, LinearFlow.exact()).max() < 3
        assert significance(at(0.0).spec, LinearFlow(-0.5, 1.1)).max() > 10

    def test_training_reaches_the_closed_form(self) -> None:
        spec = specs.AlphaFlow(0.5, adaptive_power=0.0, clip=0.0, times=UNIFORM)
        weights = fitted(spec).weights
        torch.testing.assert_close(weights, LinearFlow.exact().weights, rtol=0, atol=0.03)


class TestAlphaFlow:
    @pytest.mark.parametrize("alpha", [0.1, 1.0])
    def test_the_weights_are_the_papers(self, alpha: float) -> None:
        """1 / alpha without adaptation, alpha / (error + c) with p = 1; without alpha at s = t."""
        for power in (0.0, 1.0):
            found = at(alpha, 0.5, power)(
                alone(LinearFlow(0.3, 0.2)), gaussian_batch(40), Randomness(0), 0.5
            )
            jump, diagonal = found.parts["error_jump"], found.parts["error_diagonal"]
            if power:
                jump, diagonal = alpha * jump / (jump + 1e-3), diagonal / (diagonal + 1e-3)
            else:
                jump = jump / alpha
            torch.testing.assert_close(found.loss.detach(), torch.cat((jump, diagonal)).mean())

    def test_the_weight_carries_no_gradient(self) -> None:
        network = LinearFlow(0.3, 0.2)
        loss = at(1.0, 1.0, 1.0)(alone(network), gaussian_batch(50), Randomness(0), 0.5).loss
        (gradient,) = torch.autograd.grad(loss, network.weights)
        assert gradient.abs().max() > 0.01

    def test_targets_made_with_the_network_stay_within_the_clip(self) -> None:
        rows, _ = draw_rows(UNIFORM, 1.0, gaussian_batch(400), Randomness(0))
        bounded = at(0.5, clip=0.3).target(alone(LinearFlow.exact()), rows, 0.5)[0]
        assert bounded.abs().max() == 0.3
        own = at(1.0, clip=0.3).target(alone(LinearFlow.exact()), rows, 1.0)[0]
        assert torch.equal(own, rows.v)  # a clipped velocity would be biased

    def test_it_keeps_out_of_autocast_where_two_answers_nearly_agree(self) -> None:
        class Told(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.network, self.calls = LinearFlow(0.3, 0.2), list[tuple[int, bool, bool]]()

            def forward(
                self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None = None
            ) -> Tensor:
                cast = torch.is_autocast_enabled("cpu")
                self.calls.append((len(x), torch.is_grad_enabled(), cast))
                return self.network(x, t, s)

        calls = {}
        for alpha in (0.0, 0.1, 1.0):
            network = Told()
            with torch.autocast("cpu", torch.bfloat16):
                at(alpha, 0.5)(alone(network), gaussian_batch(8), Randomness(0), 0.5)
            calls[alpha] = network.calls
        assert calls[0.0] == [(8, True, True), (5, False, False)]
        assert calls[0.1] == [(8, True, False), (4, False, False)]
        assert calls[1.0] == [(8, True, True)]
