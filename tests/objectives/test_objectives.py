"""The objectives: their targets are unbiased, their minimisers the closed forms."""

import math

import pytest
import torch
from gaussian_flow import DEVIATION, LinearFlow, variance
from torch import Tensor, nn

from engine.contract import specs
from engine.data.batch import Batch
from engine.flow.randomness import Randomness
from engine.networks.build import build_network
from engine.objectives import times
from engine.objectives.base import squared_error
from engine.objectives.mean_flow import MeanFlow, target, total_derivative
from engine.objectives.registry import OBJECTIVES, build_objective

# torch itself calls what it deprecates, at its first forward-mode derivative.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

UNIFORM = specs.Times("uniform")
PLAIN = specs.MeanFlow(share_off_diagonal=0.5, adaptive_power=0.0, times=UNIFORM)
METHODS = {"fm": specs.FlowMatching(UNIFORM), "meanflow": PLAIN}


def gaussian(count: int, seed: int = 0) -> Batch:
    """1-D data."""
    drawn = torch.Generator().manual_seed(seed)
    return Batch(DEVIATION * torch.randn(count, 1, dtype=torch.float64, generator=drawn), None)


class Spy(nn.Module):
    """A network that notes how it is called."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.calls: list[tuple[int, bool, bool, Tensor | None]] = []

    def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None = None) -> Tensor:
        cast = torch.is_autocast_enabled("cpu")
        self.calls.append((len(x), torch.is_grad_enabled(), cast, label))
        return self.network(x, t, s, label)


def test_every_method_of_the_contract_has_an_objective() -> None:
    assert set(OBJECTIVES) == set(specs.Method.__args__)  # type: ignore[attr-defined]


class TestTimes:
    def test_laws(self) -> None:
        law = specs.Times("logit-normal", mean=-0.4, spread=1.3)
        logits = times.draw(law, 100_000, Randomness(0)).logit()
        assert logits.mean().item() == pytest.approx(-0.4, abs=0.02)
        assert logits.std().item() == pytest.approx(1.3, abs=0.02)
        uniform = times.draw(UNIFORM, 100_000, Randomness(0))
        assert (uniform > 0.25).float().mean().item() == pytest.approx(0.75, abs=0.01)

    def test_pairs_are_two_draws_in_order(self) -> None:
        t, s, jumps = times.draw_pair(UNIFORM, 1.0, 100_000, Randomness(0))
        assert jumps == 100_000
        assert (s <= t).all()
        assert t.mean().item() == pytest.approx(2 / 3, abs=0.005)
        assert s.mean().item() == pytest.approx(1 / 3, abs=0.005)

    @pytest.mark.parametrize("share", [0.0, 0.25, 0.3, 0.75, 1.0])
    @pytest.mark.parametrize("count", [1, 10, 64])
    def test_the_share_is_exact_and_comes_first(self, share: float, count: int) -> None:
        t, s, jumps = times.draw_pair(specs.Times(), share, count, Randomness(0))
        assert jumps == round(share * count)
        assert (s[:jumps] < t[:jumps]).all()
        assert torch.equal(s[jumps:], t[jumps:])


class TestMeanFlowTarget:
    def test_it_is_unbiased_at_the_exact_average_velocity(self) -> None:
        """It is linear in v, so the mean over v = E[v | x_t] +- d is its value at E[v | x_t]."""
        network, (x, _) = LinearFlow.exact(), gaussian(200)
        t = torch.linspace(0.05, 1, 200, dtype=torch.float64)
        s = t * torch.linspace(0, 0.95, 200, dtype=torch.float64)
        mean = (x.T * (t - (1 - t) * DEVIATION**2) / variance(t)).T
        scatter = torch.randn_like(x)
        both = [
            target(v, t, s, total_derivative(network, x, t, s, v))
            for v in (mean + scatter, mean - scatter)
        ]
        torch.testing.assert_close((both[0] + both[1]) / 2, network(x, t, s).detach())
        assert (both[0] - both[1]).abs().min() > 0

    def test_its_mean_gradient_is_zero_there(self) -> None:
        """Over 200,000 samples; without the derivative in the target it would not be."""

        def significance(spec: specs.Method, jump: bool) -> Tensor:
            network = LinearFlow.exact()
            asked = network if jump else lambda x, t, s, label: network(x, t, 0.3 * s, label)
            found = [
                torch.autograd.grad(
                    build_objective(spec)(asked, gaussian(2000, k), Randomness(k), 0.0).loss,
                    network.weights,
                )[0]
                for k in range(60)
            ]
            each = torch.stack(found)
            return each.mean(0).abs() / (each.std(0) / math.sqrt(len(each)))

        everywhere = specs.MeanFlow(1.0, adaptive_power=0.0, times=UNIFORM)
        assert significance(everywhere, jump=True).max() < 3
        assert significance(METHODS["fm"], jump=True).max() < 3
        assert significance(METHODS["fm"], jump=False).max() > 20

    def test_no_gradient_flows_through_it(self) -> None:
        network, (x, _) = LinearFlow.exact(), gaussian(4)
        t = torch.full((4,), 0.8, dtype=torch.float64)
        assert not total_derivative(network, x, t, 0.5 * t, x).requires_grad

    def test_a_network_that_does_not_move_has_no_tangent(self) -> None:
        x = torch.ones(3, 2)
        still = total_derivative(lambda x, t, s, label: x.detach() * 0, x, x[:, 0], x[:, 0], x)
        assert torch.equal(still, torch.zeros(3, 2))


@pytest.mark.parametrize("name", METHODS)
def test_training_reaches_the_closed_form(name: str) -> None:
    network, objective, randomness = LinearFlow(), build_objective(METHODS[name]), Randomness(0)
    adam, steps = torch.optim.AdamW(network.parameters(), lr=0.1, weight_decay=0.0), 220
    for step in range(steps):
        adam.param_groups[0]["lr"] = 0.05 * (1 + math.cos(math.pi * step / steps))
        adam.zero_grad()
        objective(network, gaussian(1024, step), randomness, step / steps).loss.backward()
        adam.step()
    torch.testing.assert_close(network.weights, LinearFlow.exact().weights, rtol=0, atol=0.02)


class TestMeanFlow:
    def test_the_derivative_is_taken_of_the_jumps_alone(self) -> None:
        network, label = Spy(LinearFlow.exact()), torch.arange(40)
        spec = specs.MeanFlow(share_off_diagonal=0.25)
        batch = gaussian(40)._replace(label=label)
        with torch.autocast("cpu", torch.bfloat16):
            found = MeanFlow(spec)(network, batch, Randomness(0), 0.0)
        assert [call[:3] for call in network.calls] == [(40, True, True), (10, False, False)]
        assert torch.equal(network.calls[0][3], label)
        assert torch.equal(network.calls[1][3], label[:10])
        assert {name: len(part) for name, part in found.parts.items()} == {
            "error": 40,
            "error_diagonal": 30,
            "error_jump": 10,
            "tangent": 10,
        }

    @pytest.mark.parametrize(
        ("share", "names"),
        [
            (0.0, {"error", "error_diagonal"}),
            (1.0, {"error", "error_jump", "tangent"}),
        ],
    )
    def test_a_part_that_no_sample_has_is_left_out(self, share: float, names: set[str]) -> None:
        spec = specs.MeanFlow(share_off_diagonal=share)
        found = MeanFlow(spec)(LinearFlow.exact(), gaussian(8), Randomness(0), 0.0)
        assert set(found.parts) == names
        assert not any(part.requires_grad for part in found.parts.values())

    def test_with_no_jumps_it_is_flow_matching(self) -> None:
        """In law, so compare on one draw of noise and time."""
        network, batch = LinearFlow(0.3, 0.2), gaussian(500)
        spec = specs.MeanFlow(0.0, adaptive_power=0.0, times=UNIFORM)
        u_error = MeanFlow(spec)(network, batch, Randomness(0), 0.0).parts["error"]
        randomness = Randomness(0)
        noise = randomness.normal("noise", (500, 1)).double()
        t, s, _ = times.draw_pair(UNIFORM, 0.0, 500, randomness)
        t, s = t.double(), s.double()
        x_t = (1 - t[:, None]) * batch.data + t[:, None] * noise
        error = (network(x_t, t, s) - (noise - batch.data)).square().mean(1)
        torch.testing.assert_close(u_error, error.detach())

    @pytest.mark.parametrize("power", [0.0, 0.5, 0.75, 1.0, 2.0])
    def test_the_weight_is_the_papers_up_to_a_constant(self, power: float) -> None:
        dimensions, offset = 12, 0.05
        spec = specs.MeanFlow(0.5, adaptive_power=power, adaptive_offset=offset)
        data = torch.randn(20, 3, 2, 2, dtype=torch.float64)
        network = build_network(specs.UNet(8, (1.0,), 1, ()), (3, 2, 2), 0).double()
        found = MeanFlow(spec)(network, Batch(data, None), Randomness(0), 0.0)
        summed = dimensions * found.parts["error"]
        paper = (summed / (summed + offset) ** power).mean()
        torch.testing.assert_close(found.loss.detach(), paper * dimensions ** (power - 1))

    def test_the_weight_carries_no_gradient(self) -> None:
        network = LinearFlow(0.3, 0.2)
        spec = specs.MeanFlow(0.0, adaptive_power=1.0, adaptive_offset=1e-8, times=UNIFORM)
        found = MeanFlow(spec)(network, gaussian(50), Randomness(0), 0.0)
        assert found.loss.item() == pytest.approx(1, abs=1e-3)
        (gradient,) = torch.autograd.grad(found.loss, network.weights)
        assert gradient.abs().max() > 0.1

    def test_both_passes_drop_the_same_units(self) -> None:
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

        spec, randomness = specs.MeanFlow(share_off_diagonal=0.5), Randomness(0)
        for _ in range(2):
            MeanFlow(spec)(Dropping(), Batch(torch.randn(8, 3, 4, 4), None), randomness, 0.0)
        jumps, dual, rest = kept[0:2], kept[2:4], kept[4:6]
        assert all(torch.equal(a, b) for a, b in zip(jumps, dual, strict=True))
        assert not torch.equal(rest[0], jumps[0])
        assert not torch.equal(kept[6], kept[0])

    def test_the_same_randomness_gives_the_same_loss(self) -> None:
        network, batch = LinearFlow(0.3, 0.2), gaussian(20)
        first, second = (MeanFlow(PLAIN)(network, batch, Randomness(7), 0.0).loss for _ in range(2))
        assert first == second
        assert first != MeanFlow(PLAIN)(network, batch, Randomness(8), 0.0).loss


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    "spec",
    [
        specs.UNet(channels=8, multipliers=(1.0, 2.0), blocks=1, attention=(4.0,)),
        specs.DiT(patch=2, width=16, depth=2, heads=2),
    ],
    ids=["unet", "dit"],
)
def test_bfloat16_is_near_float32(name: str, spec: specs.Network) -> None:
    torch.manual_seed(0)
    network = build_network(spec, (3, 8, 8), 2)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    batch = Batch(torch.randn(16, 3, 8, 8), torch.randint(3, (16,)))
    objective = build_objective(METHODS[name])
    wide = objective(network, batch, Randomness(0), 0.0)
    with torch.autocast("cpu", torch.bfloat16):
        narrow = objective(network, batch, Randomness(0), 0.0)
    narrow.loss.backward()
    assert narrow.loss.dtype == torch.float32
    assert narrow.loss.item() == pytest.approx(wide.loss.item(), rel=0.01)
    if name == "meanflow":
        torch.testing.assert_close(narrow.parts["tangent"], wide.parts["tangent"])
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_the_flow_matching_error_is_that_of_the_velocity() -> None:
    """At the exact velocity it is the variance of v given x_t: its mean over x_t in closed form."""
    found = build_objective(METHODS["fm"])(
        LinearFlow.exact(), gaussian(200_000), Randomness(0), 0.0
    )
    t = (torch.arange(1000, dtype=torch.float64) + 0.5) / 1000
    total = 1 + DEVIATION**2
    explained = (t - (1 - t) * DEVIATION**2) ** 2 / variance(t)
    assert found.loss.item() == pytest.approx((total - explained).mean().item(), rel=0.01)
    assert torch.equal(found.loss, found.parts["error"].mean())


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
    network, objective = build_network(spec, shape, 0), MeanFlow(specs.MeanFlow())
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    x, v = torch.randn(2, 6, *shape)
    t = torch.linspace(0.3, 0.9, 6)
    s = torch.cat((t[:2] / 2, t[2:]))

    def loss(x: Tensor, v: Tensor, t: Tensor, s: Tensor) -> Tensor:
        du = total_derivative(network, x[:2], t[:2], s[:2], v[:2])
        error = squared_error(network(x, t, s), target(v, t, s, du))
        return objective.weight(error.detach(), math.prod(shape)) * error

    compiled = torch.compile(loss, backend="aot_eager", fullgraph=True, dynamic=False)
    found, expected = compiled(x, v, t, s), loss(x, v, t, s)
    torch.testing.assert_close(found, expected)
    weights = list(network.parameters())
    found, expected = (torch.autograd.grad(each.mean(), weights) for each in (found, expected))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
