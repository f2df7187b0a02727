"""What reflow, progressive distillation and mid-training have in common with all objectives."""

import pytest
import torch
from gaussian_flow import LinearFlow, gaussian_batch
from gaussian_pool import GaussianPool, Part, RandomPool, exact_velocity
from torch import Tensor

from engine.contract import specs
from engine.data.batch import Batch
from engine.flow.randomness import Randomness
from engine.networks.build import build_network
from engine.objectives.base import Loss, Models
from engine.objectives.registry import build_objective

# torch itself calls what it deprecates, at its first forward-mode derivative.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

FOUR = specs.Trajectories(steps=4)
METHODS = {
    "edm": specs.EDM(),
    "reflow": specs.Reflow(),
    "pd": specs.PD(8, 1),
    "cmt": specs.CMT(trajectories=FOUR, post=specs.ECM(distance="squared")),
    "cmt-meanflow": specs.CMT(trajectories=FOUR, post=specs.MeanFlow()),
}


def loss_of(name: str, network: LinearFlow, batch: Batch, randomness: Randomness) -> Loss:
    models = Models(network, network, exact_velocity, pool=GaussianPool())
    found: Loss = build_objective(METHODS[name], (1,))(models, batch, randomness, 0.0)
    return found


@pytest.mark.parametrize("name", METHODS)
class TestEveryMethod:
    def test_the_same_randomness_gives_the_same_loss(self, name: str) -> None:
        network = LinearFlow(0.3, 0.2)
        batch = gaussian_batch(20)
        first, second, other = (
            loss_of(name, network, batch, Randomness(seed)) for seed in (7, 7, 8)
        )
        assert first.loss == second.loss
        assert first.loss != other.loss

    def test_no_part_has_a_gradient(self, name: str) -> None:
        found = loss_of(name, LinearFlow(0.3, 0.2), gaussian_batch(8), Randomness(0))
        assert found.loss.requires_grad
        assert found.parts["error"].shape == (8,)
        assert not any(part.requires_grad for part in found.parts.values())

    def test_halves_have_the_gradient_of_the_whole_in_the_mean(self, name: str) -> None:
        """Where each draws its rows of what the whole draws; so a batch may lie on two devices."""
        network, batch = LinearFlow(0.3, 0.2), gaussian_batch(16)

        def gradient(batch: Batch, randomness: Randomness) -> Tensor:
            loss = loss_of(name, network, batch, randomness).loss
            return torch.autograd.grad(loss, network.weights)[0]

        halves = [
            gradient(Batch(half, None), Part(3, 2, k)) for k, half in enumerate(batch.data.chunk(2))
        ]
        whole = gradient(batch, Randomness(3))
        torch.testing.assert_close((halves[0] + halves[1]) / 2, whole, rtol=1e-9, atol=1e-12)

    def test_bfloat16_is_near_float32(self, name: str) -> None:
        torch.manual_seed(0)
        spec = specs.UNet(channels=8, multipliers=(1.0, 2.0), blocks=1, attention=(4.0,))
        network = build_network(spec, (3, 8, 8), 2)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(0.05 * torch.randn_like(parameter))
        batch = Batch(torch.randn(16, 3, 8, 8), torch.randint(3, (16,)))
        models = Models(network, network, lambda x, t, label: x, pool=RandomPool((3, 8, 8), 4))
        objective = build_objective(METHODS[name], (3, 8, 8))
        wide = objective(models, batch, Randomness(0), 0.0)
        with torch.autocast("cpu", torch.bfloat16):
            narrow = objective(models, batch, Randomness(0), 0.0)
        narrow.loss.backward()
        assert narrow.loss.dtype == torch.float32
        assert narrow.loss.item() == pytest.approx(wide.loss.item(), rel=0.01)
        assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
