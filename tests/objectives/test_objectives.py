"""What all objectives share: the registry, the laws of times; and flow matching."""

import pytest
import torch
from gaussian_flow import DEVIATION, LinearFlow, fitted, gaussian_batch, significance, variance

from engine.contract import specs
from engine.data.batch import Batch
from engine.flow.randomness import Randomness
from engine.networks.build import build_network
from engine.objectives import times
from engine.objectives.base import alone
from engine.objectives.registry import OBJECTIVES, build_objective

# torch itself calls what it deprecates, at its first forward-mode derivative.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

UNIFORM = specs.Times("uniform")
METHODS = {
    "fm": specs.FlowMatching(UNIFORM),
    "meanflow": specs.MeanFlow(0.5, adaptive_power=0.0, times=UNIFORM),
    "imf": specs.ImprovedMeanFlow(0.5, 0.0, velocity_head="boundary", times=UNIFORM),
    "sct": specs.ContinuousConsistency(times=UNIFORM),
    "scd": specs.ContinuousDistillation(times=UNIFORM),
}


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


@pytest.mark.parametrize("name", METHODS)
class TestEveryMethod:
    def test_the_same_randomness_gives_the_same_loss(self, name: str) -> None:
        network, objective = LinearFlow(0.3, 0.2), build_objective(METHODS[name], (1,))
        models = alone(network, lambda x, t, label: network(x, t, t).detach())
        first, second, other = (
            objective(models, gaussian_batch(20), Randomness(seed), 0.5).loss for seed in (7, 7, 8)
        )
        assert first == second
        assert first != other

    def test_no_part_has_a_gradient(self, name: str) -> None:
        network, objective = LinearFlow(0.3, 0.2), build_objective(METHODS[name], (1,))
        models = alone(network, lambda x, t, label: network(x, t, t))
        found = objective(models, gaussian_batch(8), Randomness(0), 0.5)
        assert found.loss.requires_grad
        assert found.parts["error"].shape == (8,)
        assert not any(part.requires_grad for part in found.parts.values())

    @pytest.mark.parametrize(
        "spec",
        [
            specs.UNet(channels=8, multipliers=(1.0, 2.0), blocks=1, attention=(4.0,)),
            specs.DiT(patch=2, width=16, depth=2, heads=2),
        ],
        ids=["unet", "dit"],
    )
    def test_bfloat16_is_near_float32(self, name: str, spec: specs.Network) -> None:
        torch.manual_seed(0)
        network = build_network(spec, (3, 8, 8), 2)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(0.05 * torch.randn_like(parameter))
        batch = Batch(torch.randn(16, 3, 8, 8), torch.randint(3, (16,)))
        objective = build_objective(METHODS[name], (3, 8, 8))
        models = alone(network, lambda x, t, label: x)
        wide = objective(models, batch, Randomness(0), 0.5)
        with torch.autocast("cpu", torch.bfloat16):
            narrow = objective(models, batch, Randomness(0), 0.5)
        narrow.loss.backward()
        assert narrow.loss.dtype == torch.float32
        assert narrow.loss.item() == pytest.approx(wide.loss.item(), rel=0.01)
        if "tangent" in wide.parts:
            close = {"rtol": 0.02, "atol": 0.0} if name == "imf" else {}
            torch.testing.assert_close(narrow.parts["tangent"], wide.parts["tangent"], **close)
        assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


class TestFlowMatching:
    def test_training_reaches_the_closed_form(self) -> None:
        found = fitted(METHODS["fm"]).weights
        torch.testing.assert_close(found, LinearFlow.exact().weights, rtol=0, atol=0.02)

    def test_its_mean_gradient_is_zero_at_the_exact_velocity_alone(self) -> None:
        assert significance(METHODS["fm"], LinearFlow.exact()).max() < 3
        assert significance(METHODS["fm"], LinearFlow(-0.2, 1.0)).max() > 10

    def test_its_error_is_that_of_the_velocity(self) -> None:
        """It is the variance of v given x_t: its mean over x_t in closed form."""
        found = build_objective(METHODS["fm"], (1,))(
            alone(LinearFlow.exact()), gaussian_batch(200_000), Randomness(0), 0.0
        )
        t = (torch.arange(1000, dtype=torch.float64) + 0.5) / 1000
        total = 1 + DEVIATION**2
        explained = (t - (1 - t) * DEVIATION**2) ** 2 / variance(t)
        assert found.loss.item() == pytest.approx((total - explained).mean().item(), rel=0.01)
        assert torch.equal(found.loss, found.parts["error"].mean())
