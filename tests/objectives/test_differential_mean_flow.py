"""MeanFlow and improved MeanFlow: unbiased targets, the papers' own forms, the passes taken."""

import math

import pytest
import torch
from gaussian_flow import (
    DEVIATION,
    LinearFlow,
    Spy,
    fitted,
    gaussian_batch,
    significance,
    variance,
)
from msgspec.structs import replace
from torch import Tensor, nn

from engine.contract import specs
from engine.data.batch import Batch
from engine.flow.randomness import Randomness
from engine.networks.build import build_network
from engine.objectives import times
from engine.objectives.base import alone, squared_error
from engine.objectives.derivative import total_derivative
from engine.objectives.improved_mean_flow import ImprovedMeanFlow
from engine.objectives.mean_flow import MeanFlow, target
from engine.objectives.registry import build_objective
from engine.objectives.weighting import adaptive_weight

# torch itself calls what it deprecates, at its first forward-mode derivative.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

UNIFORM = specs.Times("uniform")
PLAIN = {
    "meanflow": specs.MeanFlow(0.5, adaptive_power=0.0, times=UNIFORM),
    "imf": specs.ImprovedMeanFlow(0.5, 0.0, velocity_head="boundary", times=UNIFORM),
}
both = pytest.mark.parametrize("name", PLAIN)


def changed(name: str, **fields: object) -> specs.Method:
    """The spec of `name` with other values."""
    found: specs.Method = replace(PLAIN[name], **fields)
    return found


class TestTheTarget:
    def test_it_is_unbiased_at_the_exact_average_velocity(self) -> None:
        """It is linear in v, so the mean over v = E[v | x_t] +- d is its value at E[v | x_t]."""
        network, x = LinearFlow.exact(), gaussian_batch(200).data
        t = torch.linspace(0.05, 1, 200, dtype=torch.float64)
        s = t * torch.linspace(0, 0.95, 200, dtype=torch.float64)
        mean = (x.T * (t - (1 - t) * DEVIATION**2) / variance(t)).T
        scatter = torch.randn_like(x)
        found = [
            target(v, t, s, total_derivative(network, x, t, s, v))
            for v in (mean + scatter, mean - scatter)
        ]
        torch.testing.assert_close((found[0] + found[1]) / 2, network(x, t, s).detach())
        assert (found[0] - found[1]).abs().min() > 0

    @both
    def test_its_mean_gradient_is_zero_there_alone(self, name: str) -> None:
        everywhere = changed(name, share_off_diagonal=1.0)
        assert significance(everywhere, LinearFlow.exact()).max() < 3
        assert significance(everywhere, LinearFlow(-0.4, 1.15)).max() > 10

    @both
    def test_training_reaches_the_closed_form(self, name: str) -> None:
        found = fitted(PLAIN[name]).weights
        torch.testing.assert_close(found, LinearFlow.exact().weights, rtol=0, atol=0.02)

    def test_no_gradient_flows_through_it(self) -> None:
        network, x = LinearFlow.exact(), gaussian_batch(4).data
        t = torch.full((4,), 0.8, dtype=torch.float64)
        assert not total_derivative(network, x, t, 0.5 * t, x).requires_grad

    def test_a_network_that_does_not_move_has_no_tangent(self) -> None:
        x = torch.ones(3, 2)
        still = total_derivative(lambda x, t, s, label: x.detach() * 0, x, x[:, 0], x[:, 0], x)
        assert torch.equal(still, torch.zeros(3, 2))


class TestImproved:
    def test_it_is_the_papers_loss_of_v(self) -> None:
        """V = u + (t - s) du/dt by reverse mode, along u(x, t, t), against noise - data."""
        network, batch, randomness = LinearFlow(0.3, 0.2), gaussian_batch(40), Randomness(3)
        spec = changed("imf", share_off_diagonal=0.5)
        found = ImprovedMeanFlow(spec, (1,))(alone(network), batch, Randomness(3), 0.0)
        noise = randomness.normal("noise", (40, 1)).double()
        t, s, _ = (
            part.double() if isinstance(part, Tensor) else part
            for part in times.draw_pair(UNIFORM, 0.5, 40, randomness)
        )
        x_t = (1 - t[:, None]) * batch.data + t[:, None] * noise
        _, du = torch.autograd.functional.jvp(
            lambda x, t: network(x, t, s), (x_t, t), (network(x_t, t, t).detach(), torch.ones(40))
        )
        compound = network(x_t, t, s) + (t - s)[:, None] * du.detach()
        loss = (compound - (noise - batch.data)).square().mean()
        torch.testing.assert_close(found.loss, loss)
        torch.testing.assert_close(
            *(torch.autograd.grad(each, network.weights)[0] for each in (found.loss, loss))
        )

    def test_where_both_tangents_agree_it_is_mean_flow(self) -> None:
        """With a single datum, v is a function of x_t, and this network knows it."""

        class One(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.weight = nn.Parameter(torch.tensor(0.4, dtype=torch.float64))

            def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
                return (x - 0.7) / t[:, None] * (1 + self.weight * (t - s)[:, None])

        network, batch = One(), Batch(torch.full((60, 1), 0.7, dtype=torch.float64), None)
        found = [
            build_objective(PLAIN[name], (1,))(alone(network), batch, Randomness(0), 0.0)
            for name in PLAIN
        ]
        torch.testing.assert_close(found[0].loss, found[1].loss)
        torch.testing.assert_close(found[0].parts, found[1].parts)
        first, second = (torch.autograd.grad(each.loss, network.weight)[0] for each in found)
        torch.testing.assert_close(first, second)
        assert first.abs() > 0

    def test_its_targets_scatter_less(self) -> None:
        """At the exact map: what is left is the scatter of v itself, 1 in s and t."""
        found = {
            name: build_objective(changed(name, share_off_diagonal=1.0), (1,))(
                alone(LinearFlow.exact()), gaussian_batch(20_000), Randomness(0), 0.0
            ).parts["tangent"]
            for name in PLAIN
        }
        assert found["imf"].square().mean() < 0.9 * found["meanflow"].square().mean()


class TestThePasses:
    def test_mean_flow_takes_the_derivative_of_the_jumps_alone(self) -> None:
        network, label = Spy(LinearFlow.exact()), torch.arange(40)
        batch = gaussian_batch(40)._replace(label=label)
        with torch.autocast("cpu", torch.bfloat16):
            found = MeanFlow(specs.MeanFlow(0.25), (1,))(alone(network), batch, Randomness(0), 0.0)
        assert [call[:3] for call in network.calls] == [(40, True, True), (12, False, False)]
        assert torch.equal(network.calls[0][3], label)
        assert torch.equal(network.calls[1][3], torch.cat((label[:10], label[:2])))
        assert {name: len(part) for name, part in found.parts.items()} == {
            "error": 40,
            "error_diagonal": 30,
            "error_jump": 10,
            "tangent": 10,
            "tangent_x": 2,
            "tangent_t": 2,
            "weight": 40,
        }

    def test_improved_mean_flow_asks_for_the_velocity_of_the_jumps_too(self) -> None:
        network, label = Spy(LinearFlow.exact()), torch.arange(40)
        batch = gaussian_batch(40)._replace(label=label)
        with torch.autocast("cpu", torch.bfloat16):
            objective = build_objective(changed("imf", share_off_diagonal=0.25), (1,))
            objective(alone(network), batch, Randomness(0), 0.0)
        calls = [call[:3] for call in network.calls]
        assert calls == [(40, True, True), (10, False, True), (12, False, False)]
        assert torch.equal(network.calls[1][3], label[:10])

    @both
    @pytest.mark.parametrize(
        ("share", "names"),
        [
            (0.0, {"error", "error_diagonal"}),
            (1.0, {"error", "error_jump", "tangent", "tangent_x", "tangent_t"}),
        ],
    )
    def test_a_part_that_no_sample_has_is_left_out(
        self, name: str, share: float, names: set[str]
    ) -> None:
        objective = build_objective(changed(name, share_off_diagonal=share), (1,))
        found = objective(alone(LinearFlow.exact()), gaussian_batch(8), Randomness(0), 0.0)
        assert set(found.parts) == names

    @both
    def test_with_no_jumps_it_is_flow_matching(self, name: str) -> None:
        """In law, so compare on one draw of noise and time."""
        network, batch = LinearFlow(0.3, 0.2), gaussian_batch(500)
        objective = build_objective(changed(name, share_off_diagonal=0.0), (1,))
        u_error = objective(alone(network), batch, Randomness(0), 0.0).parts["error"]
        randomness = Randomness(0)
        noise = randomness.normal("noise", (500, 1)).double()
        t, s, _ = times.draw_pair(UNIFORM, 0.0, 500, randomness)
        t, s = t.double(), s.double()
        x_t = (1 - t[:, None]) * batch.data + t[:, None] * noise
        error = (network(x_t, t, s) - (noise - batch.data)).square().mean(1)
        torch.testing.assert_close(u_error, error.detach())

    @both
    def test_all_passes_drop_the_same_units(self, name: str) -> None:
        kept: list[Tensor] = []

        class Dropping(nn.Module):
            """Two layers of dropout: the second is where masks of unequal passes part."""

            def __init__(self) -> None:
                super().__init__()
                self.drop = nn.Dropout(0.5)

            def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
                kept.append(self.drop(torch.ones_like(x)))
                kept.append(self.drop(torch.ones_like(x)))
                return kept[-2] * kept[-1] * x

        objective, randomness = (
            build_objective(changed(name, share_off_diagonal=0.5), (1,)),
            (Randomness(0)),
        )
        for _ in range(2):
            objective(alone(Dropping()), Batch(torch.randn(8, 3, 4, 4), None), randomness, 0.0)
        passes = [kept[k : k + 2] for k in range(0, len(kept), 2)]
        jumps, rest, *others, few = passes[: len(passes) // 2]
        assert len(few[0]) == 1  # the row whose du/dt is told in its parts
        assert len(others) == (1 if name == "meanflow" else 2)
        for other in others:
            assert all(torch.equal(a, b) for a, b in zip(jumps, other, strict=True))
        assert not torch.equal(rest[0], jumps[0])
        assert not torch.equal(passes[len(passes) // 2][0], jumps[0])

    @both
    def test_the_gradient_is_the_mean_of_those_of_two_halves(
        self, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        network, objective = LinearFlow(0.3, 0.2), build_objective(PLAIN[name], (1,))
        whole, noise = gaussian_batch(8).data, torch.randn(8, 1, dtype=torch.float64)
        t = torch.linspace(0.2, 0.9, 8, dtype=torch.float64)
        s = torch.cat((t[:4] / 2, t[4:]))

        def gradient(rows: list[int]) -> Tensor:
            drawn = t[rows], s[rows], len(rows) // 2
            monkeypatch.setattr(times, "draw_pair", lambda *_: drawn)
            randomness = Randomness(0)
            monkeypatch.setattr(randomness, "normal", lambda *_: noise[rows])
            loss = objective(alone(network), Batch(whole[rows], None), randomness, 0.0).loss
            return torch.autograd.grad(loss, network.weights)[0]

        halves = gradient([0, 1, 4, 5]) + gradient([2, 3, 6, 7])
        torch.testing.assert_close(halves / 2, gradient(list(range(8))))


class TestTheAdaptiveWeight:
    @pytest.mark.parametrize("power", [0.0, 0.5, 0.75, 1.0, 2.0])
    def test_it_is_the_papers_up_to_a_constant(self, power: float) -> None:
        dimensions, offset = 12, 0.05
        spec = specs.MeanFlow(0.5, adaptive_power=power, adaptive_offset=offset)
        data = torch.randn(20, 3, 2, 2, dtype=torch.float64)
        network = build_network(specs.UNet(8, (1.0,), 1, ()), (3, 2, 2), 0).double()
        found = MeanFlow(spec, (3, 2, 2))(alone(network), Batch(data, None), Randomness(0), 0.0)
        summed = dimensions * found.parts["error"]
        paper = (summed / (summed + offset) ** power).mean()
        torch.testing.assert_close(found.loss.detach(), paper * dimensions ** (power - 1))

    def test_it_carries_no_gradient(self) -> None:
        network = LinearFlow(0.3, 0.2)
        spec = specs.MeanFlow(0.0, adaptive_power=1.0, adaptive_offset=1e-8, times=UNIFORM)
        found = MeanFlow(spec, (1,))(alone(network), gaussian_batch(50), Randomness(0), 0.0)
        assert found.loss.item() == pytest.approx(1, abs=1e-3)
        (gradient,) = torch.autograd.grad(found.loss, network.weights)
        assert gradient.abs().max() > 0.1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        (specs.MLP(width=8, depth=2), (2,)),
        (specs.UNet(channels=8, multipliers=(1.0,), blocks=1, attention=(4.0,)), (1, 4, 4)),
        (specs.DiT(width=8, depth=1, heads=2), (1, 4, 4)),
    ],
    ids=["mlp", "unet", "dit"],
)
def test_the_compiled_loss_and_gradient_are_the_eager_ones(
    spec: specs.Network, shape: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    network, size = build_network(spec, shape, 0), math.prod(shape)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    x, v = torch.randn(2, 6, *shape)
    t = torch.linspace(0.3, 0.9, 6)
    s = torch.cat((t[:2] / 2, t[2:]))

    def loss(x: Tensor, v: Tensor, t: Tensor, s: Tensor) -> Tensor:
        du = total_derivative(network, x[:2], t[:2], s[:2], v[:2])
        error = squared_error(network(x, t, s), target(v, t, s, du))
        return adaptive_weight(error.detach(), size, 0.75, 1e-3) * error

    compiled = torch.compile(loss, backend="aot_eager", fullgraph=True, dynamic=False)
    found, expected = compiled(x, v, t, s), loss(x, v, t, s)
    torch.testing.assert_close(found, expected)
    weights = list(network.parameters())
    found, expected = (torch.autograd.grad(each.mean(), weights) for each in (found, expected))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
