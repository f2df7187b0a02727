"""EDM on the common clock is EDM in its own: weight, times, minimiser."""

import pytest
import torch
from gaussian_flow import DEVIATION, LinearFlow, fitted, significance
from torch import Tensor, nn

from engine.contract import specs
from engine.data.batch import Batch
from engine.flow.clock import sigma_of
from engine.flow.randomness import Randomness
from engine.networks.preconditioned import Preconditioned
from engine.objectives import times
from engine.objectives.base import alone
from engine.objectives.flow_matching import EDM, FlowMatching

UNIFORM = specs.Times("uniform")


class Backbone(nn.Module):
    """F of EDM: some function of the scaled state, which keeps what it was asked and said."""

    def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None = None) -> Tensor:
        self.asked, self.said = x, torch.sin(3 * x) + t[:, None]
        return self.said


def edm_loss(said: Tensor, data: Tensor, noise: Tensor, sigma: Tensor, deviation: float) -> Tensor:
    """lambda(sigma) |D(data + sigma noise, sigma) - data|^2 per sample (arXiv 2206.00364)."""
    sigma = sigma[:, None]
    x = data + sigma * noise
    square = sigma**2 + deviation**2
    denoised = deviation**2 / square * x + sigma * deviation / square.sqrt() * said
    return ((square / (sigma * deviation) ** 2) * (denoised - data) ** 2).mean(1)


@pytest.mark.parametrize("deviation", [0.3, 0.5, 1.4])
def test_its_loss_is_that_of_edm_in_ve(deviation: float) -> None:
    """With D, the preconditioning, lambda(sigma) and sigma all taken from EDM's table 1."""
    spec, count = specs.EDM(deviation), 400
    backbone = Backbone()
    network = Preconditioned(backbone, specs.Preconditioned(deviation, "log-sigma"))
    data = torch.randn(count, 3, dtype=torch.float64)
    found = EDM(spec, (3,))(alone(network), Batch(data, None), Randomness(3), 0.0)
    randomness = Randomness(3)
    noise = randomness.normal("noise", data.shape).double()
    sigma = sigma_of(times.draw(spec.times, count, randomness).double())
    scaled = (data + sigma[:, None] * noise) / (sigma**2 + deviation**2).sqrt()[:, None]
    torch.testing.assert_close(backbone.asked, scaled, rtol=1e-10, atol=1e-10)
    # Preconditioned turns the sign of F: u = k x - (sigma_data / S) F, D = x - t u.
    paper = edm_loss(backbone.said, data, noise, sigma, deviation)
    torch.testing.assert_close(found.loss, paper.mean(), rtol=1e-10, atol=0)


def test_its_weight_is_a_unit_weight_on_f() -> None:
    """The error of F is S / sigma_data that of u, so that nothing else is left of the weight."""
    t = torch.linspace(0, 1, 101, dtype=torch.float64)
    square = t**2 + 0.25 * (1 - t) ** 2
    torch.testing.assert_close(EDM(specs.EDM(0.5), (2,)).weight(t), square / 0.25)
    assert torch.equal(FlowMatching(specs.FlowMatching(), (2,)).weight(t), torch.ones_like(t))


def test_its_sigma_is_log_normal() -> None:
    sigma = sigma_of(times.draw(specs.EDM().times, 100_000, Randomness(0)).double())
    assert sigma.log().mean().item() == pytest.approx(-1.2, abs=0.02)
    assert sigma.log().std().item() == pytest.approx(1.2, abs=0.02)


def test_its_error_is_the_unweighted_one() -> None:
    network, batch = LinearFlow(0.3, 0.2), Batch(torch.randn(50, 1, dtype=torch.float64), None)
    plain = FlowMatching(specs.FlowMatching(UNIFORM), (1,))(
        alone(network), batch, Randomness(0), 0.0
    )
    weighted = EDM(specs.EDM(times=UNIFORM), (1,))(alone(network), batch, Randomness(0), 0.0)
    assert torch.equal(plain.parts["error"], weighted.parts["error"])
    assert plain.loss != weighted.loss


def test_training_reaches_the_closed_form() -> None:
    found = fitted(specs.EDM(DEVIATION, UNIFORM)).weights
    torch.testing.assert_close(found, LinearFlow.exact().weights, rtol=0, atol=0.02)


def test_its_mean_gradient_is_zero_at_the_exact_velocity_alone() -> None:
    spec = specs.EDM(DEVIATION, UNIFORM)
    assert significance(spec, LinearFlow.exact()).max() < 3
    assert significance(spec, LinearFlow(-0.2, 1.0)).max() > 10
