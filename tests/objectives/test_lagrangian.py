"""Lagrangian methods: how the end of a jump moves with s, LSD and TVM."""

import pytest
import torch
from gaussian_flow import LinearFlow, fitted, gaussian_batch, significance
from torch import Tensor, nn

from engine.contract import specs
from engine.data.batch import Batch
from engine.flow.randomness import Randomness
from engine.networks.build import build_network
from engine.objectives.base import Models, alone, squared_error
from engine.objectives.lagrangian import LSD, TVM, draw_gaps, end_met, end_of
from engine.objectives.registry import build_objective
from engine.objectives.rows import Rows, draw_rows

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

UNIFORM = specs.Times("uniform")
METHODS: dict[str, specs.Method] = {
    "lsd": specs.LSD(0.5),
    "lsd, learned weight": specs.LSD(0.5, learned_weight=True),
    "tvm": specs.TVM(UNIFORM, UNIFORM, decay=0.8),
}
SIZES = {
    "mlp": (specs.MLP(8, 2), (2,)),
    "unet": (specs.UNet(8, (1.0, 2.0), 1, (2.0,)), (1, 4, 4)),
    "dit": (specs.DiT(2, 16, 2, 2), (1, 4, 4)),
}


def jumps_of(count: int, shape: tuple[int, ...] = (1,)) -> Rows:
    """Rows that jump, float64."""
    data = torch.randn(count, *shape, dtype=torch.float64)
    return draw_rows(UNIFORM, 1.0, Batch(data, None), Randomness(0))[0]


def network_of(name: str, parameterisation: specs.Parameterisation | None = None) -> nn.Module:
    """A small network in float64 whose last layer is not zero."""
    torch.manual_seed(0)
    network = build_network(*SIZES[name], 0, parameterisation).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network


class TestEnd:
    @pytest.mark.parametrize("name", SIZES)
    def test_it_is_the_jump_and_its_derivative_by_s(self, name: str) -> None:
        network, rows = network_of(name), jumps_of(4, SIZES[name][1])

        def jump(s: Tensor) -> Tensor:
            u = network(rows.x_t, rows.t, s, None)
            return rows.x_t + (s - rows.t).reshape(-1, *[1] * (u.ndim - 1)) * u

        end, step = end_of(network, rows), 3e-6
        torch.testing.assert_close(end.x_s, jump(rows.s))
        central = (jump(rows.s + step) - jump(rows.s - step)) / (2 * step)
        torch.testing.assert_close(end.speed, central, rtol=0, atol=1e-8)
        assert end.tangent.abs().max() > 1e-3

    @pytest.mark.parametrize("name", SIZES)
    @pytest.mark.parametrize("clock", [None, "t", "log-sigma"])
    def test_the_gradient_through_it_is_that_of_finite_differences(
        self, name: str, clock: str | None
    ) -> None:
        kind = specs.Preconditioned(0.5, clock) if clock else None  # type: ignore[arg-type]
        network, rows = network_of(name, kind), jumps_of(4, SIZES[name][1])
        weights, aim = list(network.parameters()), torch.randn_like(rows.x_t)
        along = [torch.randn_like(weight) for weight in weights]

        def loss() -> Tensor:
            return squared_error(end_of(network, rows).speed, aim).mean()

        gradients = torch.autograd.grad(loss(), weights, allow_unused=True)
        slope = sum(
            (gradient * way).sum()
            for gradient, way in zip(gradients, along, strict=True)
            if gradient is not None
        )
        found = []
        with torch.no_grad():
            for step in (1e-5, -2e-5):
                for weight, way in zip(weights, along, strict=True):
                    weight.add_(step * way)
                found.append(loss())
        torch.testing.assert_close(slope, (found[0] - found[1]) / 2e-5, rtol=1e-6, atol=1e-6)

    def test_a_jump_that_does_not_know_where_it_leads_has_no_tangent(self) -> None:
        rows = jumps_of(5)
        end = end_of(lambda x, t, s, label: x, rows)
        assert torch.equal(end.tangent, torch.zeros(5, 1, dtype=torch.float64))
        assert torch.equal(end.speed, rows.x_t)


class TestResidual:
    def test_it_vanishes_at_the_exact_map(self) -> None:
        end = end_met(alone(LinearFlow.exact()), jumps_of(500), Randomness(0))
        assert squared_error(*end.met).max() < 1e-28
        assert end.tangent.abs().min() > 0
        other = end_met(alone(LinearFlow(-0.5, 1.1)), jumps_of(500), Randomness(0))
        assert squared_error(*other.met).max() > 1e-4

    def test_the_velocity_at_the_end_carries_no_gradient(self) -> None:
        student, target, rows = LinearFlow(0.3, 0.2), LinearFlow(0.1, 0.4), jumps_of(20)
        met = end_met(Models(student, target), rows, Randomness(0))
        (gradient,) = torch.autograd.grad(squared_error(*met.met).mean(), student.weights)
        assert not met.tangent.requires_grad
        assert not met.x_s.requires_grad
        assert target.weights.grad is None
        end = end_of(student, rows)
        aim = target(end.x_s, rows.s, rows.s).detach()
        fixed = squared_error(end.speed, aim).mean()
        torch.testing.assert_close(gradient, torch.autograd.grad(fixed, student.weights)[0])

    def test_nothing_of_it_is_cast(self) -> None:
        casts: list[bool] = []

        def network(x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
            casts.append(torch.is_autocast_enabled("cpu"))
            return x * s[:, None]

        with torch.autocast("cpu", torch.bfloat16):
            end_met(alone(network), jumps_of(4), Randomness(0))
        assert casts == [False, False]


@pytest.mark.parametrize("name", METHODS)
def test_training_reaches_the_closed_form(name: str) -> None:
    weights = fitted(METHODS[name], steps=300).weights
    torch.testing.assert_close(weights, LinearFlow.exact().weights, rtol=0, atol=0.03)


@pytest.mark.parametrize("name", METHODS)
def test_the_mean_gradient_is_zero_at_the_exact_map(name: str) -> None:
    assert significance(METHODS[name], LinearFlow.exact()).max() < 3
    assert significance(METHODS[name], LinearFlow(-0.5, 1.1)).max() > 10


class TestLSD:
    @pytest.mark.parametrize(
        ("share", "names"),
        [
            (0.0, {"error", "error_diagonal"}),
            (0.5, {"error", "error_diagonal", "error_jump", "tangent"}),
            (1.0, {"error", "error_jump", "tangent"}),
        ],
    )
    def test_a_part_that_no_sample_has_is_left_out(self, share: float, names: set[str]) -> None:
        found = LSD(specs.LSD(share), (1,))(
            alone(LinearFlow(0.3, 0.2)), gaussian_batch(8), Randomness(0), 0.0
        )
        assert set(found.parts) == names
        assert not any(part.requires_grad for part in found.parts.values())
        assert len(found.parts["error"]) == 8
        torch.testing.assert_close(found.loss.detach(), found.parts["error"].mean())

    def test_at_first_the_learned_weight_is_one_and_it_follows_the_mean_error(self) -> None:
        spec, network = specs.LSD(0.5, learned_weight=True), LinearFlow(0.3, 0.2)
        learned, plain = LSD(spec, (1,)), LSD(specs.LSD(0.5), (1,))
        run = alone(network), gaussian_batch(2000), Randomness(0), 0.0
        found = learned(*run)
        torch.testing.assert_close(found.loss, plain(*run[:2], Randomness(0), 0.0).loss)
        adam = torch.optim.AdamW(learned.parameters(), lr=0.1, weight_decay=0.0)
        for _ in range(150):
            adam.zero_grad()
            learned(*run[:2], Randomness(0), 0.0).loss.backward()
            adam.step()
        rows, jumps = draw_rows(spec.times, 0.5, run[1], Randomness(0))
        ones = torch.ones(2000, dtype=torch.float64)
        # What is weighted less its w is e^w: the error times it is about 1 on both kinds of rows.
        lifted = learned.weighted(ones, rows, jumps) - learned.weighted(0 * ones, rows, jumps)
        level = (lifted * found.parts["error"]).detach()
        assert level[:jumps].mean().item() == pytest.approx(1, abs=0.1)
        assert level[jumps:].mean().item() == pytest.approx(1, abs=0.1)


class TestTVM:
    def test_every_row_has_both_errors(self) -> None:
        found = TVM(specs.TVM(), (1,))(
            alone(LinearFlow(0.3, 0.2)), gaussian_batch(8), Randomness(0), 0.0
        )
        both = found.parts["error_jump"] + found.parts["error_diagonal"]
        torch.testing.assert_close(found.parts["error"], both)
        torch.testing.assert_close(found.loss.detach(), both.mean())
        assert {len(part) for part in found.parts.values()} == {8}
        assert not any(part.requires_grad for part in found.parts.values())

    def test_the_target_is_a_moving_average(self) -> None:
        assert build_objective(specs.TVM(), (1,)).target_decay(0.3) == 0.99
        assert build_objective(specs.TVM(decay=0.0), (1,)).target_decay(0.3) is None

    @pytest.mark.parametrize("ends", [UNIFORM, specs.Times(mean=-0.4, spread=1.0)])
    def test_its_jumps_have_the_gaps_and_ends_of_their_laws(self, ends: specs.Times) -> None:
        """The ends against the same law with those thrown away that do not fit their gap."""
        gaps = specs.Times(mean=-0.8, spread=1.0)
        t, s = (each.double() for each in draw_gaps(ends, gaps, 100_000, Randomness(0)))
        logits = (t - s).logit()
        assert logits.mean().item() == pytest.approx(-0.8, abs=0.02)
        assert logits.std().item() == pytest.approx(1.0, abs=0.02)
        assert t.max() <= 1
        assert s.min() >= 0
        near = ((t - s) - 0.5).abs() < 0.01
        drawn = torch.rand(400_000) if ends.law == "uniform" else torch.randn(400_000) - 0.4
        other = drawn if ends.law == "uniform" else drawn.sigmoid()
        other = other[other < 0.5]
        for q in (0.1, 0.5, 0.9):
            expected = other[:50_000].quantile(q).item()
            assert s[near].quantile(q).item() == pytest.approx(expected, abs=0.03)
