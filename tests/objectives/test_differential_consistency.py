"""sCT and sCD: equal to the paper's loss in its own clock, still at the exact map, finite."""

import math
from dataclasses import dataclass

import pytest
import torch
from gaussian_flow import DEVIATION, LinearFlow, Spy, gaussian_batch
from msgspec.structs import replace
from torch import Tensor, nn

from engine.contract import specs
from engine.contract.errors import UserError
from engine.data.batch import Batch
from engine.flow.paths import Linear, Trig
from engine.flow.randomness import Randomness
from engine.networks.build import build_network
from engine.networks.preconditioned import Preconditioned
from engine.objectives import times
from engine.objectives.base import Models, alone
from engine.objectives.continuous_consistency import ContinuousConsistency, tangent
from engine.objectives.derivative import on_diagonal, with_derivative
from engine.objectives.registry import build_objective

# torch itself calls what it deprecates, at its first forward-mode derivative.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

Spec = specs.ContinuousConsistency | specs.ContinuousDistillation
UNIFORM = specs.Times("uniform")
KINDS: dict[str, Spec] = {
    "sct": specs.ContinuousConsistency(DEVIATION, times=UNIFORM),
    "scd": specs.ContinuousDistillation(DEVIATION, times=UNIFORM),
}
kinds = pytest.mark.parametrize("kind", KINDS)


class End(nn.Module):
    """The two-weight flow as an endpoint model: whatever s is, the jump is to data."""

    def __init__(self, flow: LinearFlow) -> None:
        super().__init__()
        self.flow = flow

    def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None = None) -> Tensor:
        found: Tensor = self.flow(x, t, torch.zeros_like(t))
        return found


def exact_velocity(x: Tensor, t: Tensor, label: Tensor | None) -> Tensor:
    """That of the Gaussian data, as a teacher."""
    found: Tensor = LinearFlow.exact()(x, t, t)
    return found


class Answer(nn.Module):
    """The paper's F(x / sigma_data, a) of states (B, 3), a few smooth units."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 3)).double()

    def forward(self, x: Tensor, angle: Tensor) -> Tensor:
        wave = torch.stack((angle.sin(), angle.cos()), dim=1)
        found: Tensor = self.layers(torch.cat((x, wave), dim=1))
        return found


@dataclass
class FromAnswer:
    """u of the paper's f = cos a x - sin a sigma_data F, as (x - f) / t in our state."""

    answer: Answer
    sigma_data: float

    def __call__(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None = None) -> Tensor:
        state, angle = Trig(self.sigma_data).from_common(x, t)
        cos, sin = angle.cos()[:, None], angle.sin()[:, None]
        found = self.answer(state / self.sigma_data, angle)
        return (x - cos * state + sin * self.sigma_data * found) / t[:, None]


def paper(
    answer: Answer, spec: Spec, batch: Batch, randomness: Randomness, warm: float
) -> tuple[Tensor, Tensor]:
    """Algorithm 1 of arXiv 2410.11081 in its own clock, without w, and the times of the batch.

    The derivative of F is by reverse mode. Its teacher is that of `exact_velocity`.
    """
    noise = randomness.normal("noise", batch.data.shape).to(batch.data)
    t = times.draw(spec.times, len(noise), randomness).to(noise)
    path, sigma_data = Trig(spec.sigma_data), spec.sigma_data
    angle = torch.atan(t / (1 - t) / sigma_data)
    x, moving = path.mix(batch.data, noise, angle), path.velocity(batch.data, noise, angle)
    if isinstance(spec, specs.ContinuousDistillation):
        state, _ = path.to_common(x, angle)
        v = exact_velocity(state, t, None)
        data = Linear().data_from_velocity(state, v, t)
        moving = path.velocity(data, Linear().noise_from_velocity(state, v, t), angle)
    found, slope = torch.autograd.functional.jvp(
        lambda x, a: answer(x / sigma_data, a), (x, angle), (moving, torch.ones_like(angle))
    )
    cos, sin = angle.cos()[:, None], angle.sin()[:, None]
    g = -cos.square() * (sigma_data * found - moving)
    g = (g - warm * cos * sin * (x + sigma_data * slope)).detach()
    if spec.tangent == "normalised":
        g = g / (g.norm(dim=1, keepdim=True) / math.sqrt(g.shape[1]) + spec.tangent_offset)
    elif spec.tangent == "clipped":
        g = g.clamp(-1, 1)
    live = answer(x / sigma_data, angle)
    return (live - live.detach() - g).square().mean(dim=1), t


@kinds
@pytest.mark.parametrize("sigma_data", [0.3, 1.0])
@pytest.mark.parametrize("shortening", ["normalised", "clipped", "plain"])
@pytest.mark.parametrize("warm", [0.0, 0.4, 1.0])
def test_it_is_the_papers_loss_in_the_papers_clock(
    kind: str, sigma_data: float, shortening: str, warm: float
) -> None:
    torch.manual_seed(0)
    spec = replace(KINDS[kind], sigma_data=sigma_data, tangent=shortening, warm_up=1.0)
    answer, objective = Answer(), build_objective(spec, (3,)).double()
    batch = Batch(sigma_data * torch.randn(30, 3, dtype=torch.float64), None)
    nn.init.normal_(objective.log_weight.last.weight, std=0.3)
    models = alone(FromAnswer(answer, sigma_data), exact_velocity)
    found = objective(models, batch, Randomness(2), warm).loss
    error, t = paper(answer, spec, batch, Randomness(2), warm)
    w = objective.log_weight(t)
    wanted = (w.exp() * error - w).mean()
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=0)
    weights = [*answer.parameters(), *objective.parameters()]
    for ours, theirs in zip(
        *(torch.autograd.grad(e, weights) for e in (found, wanted)), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)


def test_the_preconditioned_network_answers_minus_the_papers_f() -> None:
    """So the same loss holds for the networks that are trained: only the sign is turned."""
    torch.manual_seed(0)
    answer, sigma_data = Answer(), 0.5

    class Turned(nn.Module):
        def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
            return -answer(x, t * math.pi / 2)

    network = Preconditioned(Turned(), specs.Preconditioned(sigma_data, "angle"))
    x, t = torch.randn(20, 3, dtype=torch.float64), torch.rand(20, dtype=torch.float64)
    torch.testing.assert_close(network(x, t, t), FromAnswer(answer, sigma_data)(x, t, t))


def test_the_times_are_the_papers() -> None:
    """ln(sigma_data tan a) is normal where logit t is."""
    spec = specs.ContinuousConsistency()
    t = times.draw(spec.times, 200_000, Randomness(0)).double()
    _, angle = Trig(spec.sigma_data).from_common(torch.ones_like(t), t)
    logarithm = (spec.sigma_data * angle.tan()).log()
    assert logarithm.mean().item() == pytest.approx(-1.0, abs=0.01)
    assert logarithm.std().item() == pytest.approx(1.4, abs=0.01)


class TestAtTheExactMap:
    @pytest.mark.parametrize("sigma_data", [0.2, DEVIATION, 2.0])
    def test_the_tangent_vanishes(self, sigma_data: float) -> None:
        spec = replace(KINDS["scd"], sigma_data=sigma_data)
        network = End(LinearFlow.exact())
        models = alone(network, exact_velocity)
        found = build_objective(spec, (1,))(models, gaussian_batch(500), Randomness(0), 1.0)
        assert found.parts["tangent_norm"].max() < 1e-13
        assert found.parts["error"].max() < 1e-25
        (gradient,) = torch.autograd.grad(found.loss, network.flow.weights)
        assert gradient.abs().max() < 1e-13

    def test_it_does_not_elsewhere_nor_before_the_warm_up_ends(self) -> None:
        for network, progress in ((LinearFlow(-0.4, 1.2), 1.0), (LinearFlow.exact(), 0.01)):
            models = alone(End(network), exact_velocity)
            objective = build_objective(KINDS["scd"], (1,))
            found = objective(models, gaussian_batch(500), Randomness(0), progress)
            assert found.parts["tangent_norm"].mean() > 0.01

    def test_without_a_teacher_its_mean_does(self) -> None:
        """The mean gradient, over 120,000 samples, in standard errors of it."""
        spec = replace(KINDS["sct"], tangent="plain")

        def significance(flow: LinearFlow) -> Tensor:
            objective, network, found = build_objective(spec, (1,)), End(flow), []
            for k in range(60):
                loss = objective(alone(network), gaussian_batch(2000, k), Randomness(k), 1.0).loss
                found.append(torch.autograd.grad(loss, flow.weights)[0])
            each = torch.stack(found)
            return each.mean(0).abs() / (each.std(0) / math.sqrt(len(each)))

        assert significance(LinearFlow.exact()).max() < 3
        assert significance(LinearFlow(-0.3, 1.1)).max() > 10


@kinds
@pytest.mark.parametrize("shortening", ["normalised", "plain"])
def test_training_reaches_the_closed_form(kind: str, shortening: str) -> None:
    spec = replace(KINDS[kind], tangent=shortening, warm_up=0.3)
    network, objective, randomness = End(LinearFlow()), build_objective(spec, (1,)), Randomness(0)
    adam = torch.optim.AdamW(network.parameters(), weight_decay=0.0)
    adam.add_param_group({"params": list(objective.parameters()), "lr": 2e-3})
    steps = 400
    for step in range(steps):
        adam.param_groups[0]["lr"] = 0.05 * (1 + math.cos(math.pi * step / steps))
        adam.zero_grad()
        models = alone(network, exact_velocity)
        objective(models, gaussian_batch(1024, step), randomness, step / steps).loss.backward()
        adam.step()
    exact = LinearFlow.exact().weights
    torch.testing.assert_close(network.flow.weights, exact, rtol=0, atol=0.02)


def test_before_the_warm_up_it_learns_the_velocity() -> None:
    """Its first part alone vanishes where u is v: at the start of a student that is its teacher."""
    network = LinearFlow.exact()
    objective = build_objective(replace(KINDS["scd"], warm_up=0.5), (1,))
    models = alone(lambda x, t, s, label: network(x, t, t), exact_velocity)
    found = objective(models, gaussian_batch(100), Randomness(0), 0.0)
    assert found.parts["tangent_norm"].max() < 1e-14
    assert found.parts["error"].mean() > 0.01
    assert found.parts["warm_up"].tolist() == [0.0]


CLOCKS = [None, *(specs.Preconditioned(0.5, clock) for clock in ("t", "log-sigma", "angle"))]


@pytest.mark.parametrize("clock", CLOCKS, ids=["plain", "t", "log-sigma", "angle"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_tangent_is_finite_up_to_both_ends(
    clock: specs.Preconditioned | None, dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    network = build_network(specs.MLP(16, 2), (2,), 0, clock).to(dtype)
    ends = [0.0, 1e-30, 1e-6, 0.001, 0.5, 0.99, 1 - 1e-7, 1.0]
    t = torch.tensor(ends, dtype=dtype)
    x, v = torch.randn(2, len(t), 2, dtype=dtype)
    u, du = with_derivative(on_diagonal(network), x, t, t, v)
    g = tangent(v - u, du, t[:, None], 0.5, 1.0)
    assert g.isfinite().all()
    assert g.abs().max() < 30
    assert g[-1].abs().max() == 0


class TestTheObjective:
    def test_it_takes_one_pass_with_gradient_and_one_derivative(self) -> None:
        network, label = Spy(End(LinearFlow.exact())), torch.arange(40)
        batch = gaussian_batch(40)._replace(label=label)
        with torch.autocast("cpu", torch.bfloat16):
            found = build_objective(KINDS["sct"], (1,))(alone(network), batch, Randomness(0), 0.5)
        assert [call[:3] for call in network.calls] == [(40, True, True), (44, False, False)]
        assert torch.equal(network.calls[0][3], label)
        assert torch.equal(network.calls[1][3], torch.cat((label, label[:4])))
        assert {name: len(part) for name, part in found.parts.items()} == {
            "error": 40,
            "tangent": 40,
            "tangent_x": 4,
            "tangent_t": 4,
            "tangent_norm": 40,
            "weight": 40,
            "warm_up": 1,
        }

    def test_the_error_is_that_of_mean_flow_at_the_data(self) -> None:
        """V - v with V = u + t du/dt: what u is to be where s = 0, u less v - t du/dt."""
        flow, batch, randomness = LinearFlow(0.3, 0.2), gaussian_batch(50), Randomness(0)
        objective = build_objective(KINDS["sct"], (1,))
        found = objective(alone(End(flow)), batch, Randomness(0), 1.0).parts["error"]
        noise = randomness.normal("noise", (50, 1)).double()
        t = times.draw(UNIFORM, 50, randomness).double()
        x_t = (1 - t[:, None]) * batch.data + t[:, None] * noise
        u, du = with_derivative(flow, x_t, t, torch.zeros_like(t), noise - batch.data)
        wanted = (u - (noise - batch.data - t[:, None] * du)).square().mean(1)
        torch.testing.assert_close(found, wanted)

    def test_both_passes_drop_the_same_units(self) -> None:
        kept: list[Tensor] = []

        class Dropping(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.drop = nn.Dropout(0.5)

            def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
                kept.append(self.drop(torch.ones_like(x)))
                return kept[-1] * x

        objective = build_objective(KINDS["sct"], (3,))
        for _ in range(2):
            objective(alone(Dropping()), Batch(torch.randn(8, 3), None), Randomness(0), 0.5)
        first, second = kept[:3], kept[3:]
        for whole, again, few in (first, second):
            assert torch.equal(whole, again)
            assert len(few) == 1
        assert not torch.equal(first[0], second[0])

    def test_the_gradient_is_the_mean_of_those_of_two_halves(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        network = End(LinearFlow(0.3, 0.2))
        objective = build_objective(KINDS["sct"], (1,))
        whole, noise = gaussian_batch(8).data, torch.randn(8, 1, dtype=torch.float64)
        t = torch.linspace(0.2, 0.9, 8, dtype=torch.float64)

        def gradient(rows: slice) -> Tensor:
            randomness = Randomness(0)
            monkeypatch.setattr(times, "draw", lambda *_: t[rows])
            monkeypatch.setattr(randomness, "normal", lambda *_: noise[rows])
            loss = objective(alone(network), Batch(whole[rows], None), randomness, 1.0).loss
            return torch.autograd.grad(loss, network.flow.weights)[0]

        halves = gradient(slice(0, 4)) + gradient(slice(4, 8))
        torch.testing.assert_close(halves / 2, gradient(slice(0, 8)))

    def test_a_teacher_is_asked_without_gradient_and_must_be_there(self) -> None:
        network, asked = LinearFlow(0.3, 0.2), []
        objective, batch = build_objective(KINDS["scd"], (1,)), gaussian_batch(8)
        label = torch.arange(8)

        def teacher(x: Tensor, t: Tensor, label: Tensor | None) -> Tensor:
            asked.append((torch.is_grad_enabled(), label))
            return network(x, t, t)

        objective(
            Models(network, network, teacher), batch._replace(label=label), Randomness(0), 1.0
        )
        assert asked == [(False, label)]
        with pytest.raises(UserError, match="sCD needs a teacher"):
            objective(alone(network), batch, Randomness(0), 1.0)

    def test_its_weights_are_its_own(self) -> None:
        """At first they say nothing, so that the loss is that without them."""
        weighted, plain = (
            build_objective(replace(KINDS["sct"], learned_weight=learned), (1,))
            for learned in (True, False)
        )
        assert isinstance(weighted, ContinuousConsistency)
        names = {name for name, _ in weighted.named_parameters()}
        assert names == {"log_weight.last.weight", "log_weight.last.bias"}
        assert list(plain.parameters()) == []
        network, batch = alone(LinearFlow(0.3, 0.2)), gaussian_batch(8)
        found, other = (each(network, batch, Randomness(0), 0.5) for each in (weighted, plain))
        assert found.loss == other.loss
        assert found.parts.keys() - other.parts.keys() == {"weight"}
        assert torch.equal(found.parts["weight"], torch.ones(8))
