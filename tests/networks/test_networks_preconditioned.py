"""Preconditioning: equal to EDM, CTM and TrigFlow in their own clocks, differentiable, finite."""

import math

import pytest
import torch
from torch import Tensor, nn

from engine.contract import specs
from engine.flow.paths import VE, Trig
from engine.networks.build import build_network
from engine.networks.preconditioned import SIGMAS, Preconditioned
from engine.objectives.derivative import on_diagonal, total_derivative, with_derivative

# torch itself calls what it deprecates, at its first forward-mode derivative.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

CLOCKS = ("t", "log-sigma", "angle")
SIGMA_DATA = 0.4
NETWORKS = {
    "mlp": (specs.MLP(width=24, depth=3), (2,)),
    "unet": (specs.UNet(channels=8, multipliers=(1.0, 2.0), blocks=1, attention=(4.0,)), (3, 8, 8)),
    "dit": (specs.DiT(patch=2, width=16, depth=2, heads=2), (3, 8, 4)),
}
PARAMETERISATIONS: dict[str, specs.Parameterisation] = {
    "plain": specs.Plain(),
    **{clock: specs.Preconditioned(SIGMA_DATA, clock) for clock in CLOCKS},
}
clocks = pytest.mark.parametrize("clock", CLOCKS)
networks = pytest.mark.parametrize("name", NETWORKS)
parameterisations = pytest.mark.parametrize("how", PARAMETERISATIONS)


class Raw(nn.Module):
    """A backbone that notes what it is asked, and answers something smooth."""

    def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
        self.asked = x, t, s, label
        return torch.sin(3 * x) + torch.cos(2 * t)[:, None] * (1 + s[:, None])


def built(name: str, how: str, dtype: torch.dtype = torch.float64) -> nn.Module:
    """A network whose weights are all away from zero, as after some training."""
    spec, shape = NETWORKS[name]
    torch.manual_seed(0)
    network = build_network(spec, shape, 0, PARAMETERISATIONS[how]).to(dtype)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network


def sigmas(count: int = 40) -> tuple[Tensor, Tensor, Tensor]:
    """Sigmas of the logarithmic clock's range, smaller ones to jump to, and states on VE."""
    torch.manual_seed(1)
    sigma = torch.logspace(*(math.log10(end) for end in SIGMAS), count, dtype=torch.float64)
    x = torch.randn(count, 3, dtype=torch.float64) * (SIGMA_DATA**2 + sigma**2).sqrt()[:, None]
    return sigma, sigma * torch.linspace(0, 0.95, count, dtype=torch.float64), x


def edm(raw: Tensor, x: Tensor, sigma: Tensor) -> Tensor:
    """D = c_skip x + c_out F of arXiv 2206.00364, table 1."""
    square = (sigma**2 + SIGMA_DATA**2)[:, None]
    return SIGMA_DATA**2 / square * x + sigma[:, None] * SIGMA_DATA / square.sqrt() * raw


@clocks
class TestInThePapersClocks:
    def test_the_denoiser_is_edms(self, clock: str) -> None:
        network = Preconditioned(Raw(), specs.Preconditioned(SIGMA_DATA, clock))
        sigma, _, x = sigmas()
        state, t = VE().to_common(x, sigma)
        found = state - t[:, None] * network(state, t, t)
        c_in = (sigma**2 + SIGMA_DATA**2).rsqrt()[:, None]
        torch.testing.assert_close(network.backbone.asked[0], c_in * x, rtol=1e-12, atol=1e-14)
        raw = network.backbone(*network.backbone.asked)
        torch.testing.assert_close(found, edm(raw, x, sigma), rtol=1e-12, atol=1e-14)

    def test_the_jump_is_ctms(self, clock: str) -> None:
        """G(x, t, s) = s / t x + (1 - s / t) g(x, t, s) of arXiv 2310.02279, eq. 5, in VE."""
        network = Preconditioned(Raw(), specs.Preconditioned(SIGMA_DATA, clock))
        sigma, lower, x = sigmas()
        state, t = VE().to_common(x, sigma)
        s = lower / (1 + lower)
        u = network(state, t, s)
        g = edm(network.backbone(*network.backbone.asked), x, sigma)
        torch.testing.assert_close(state - t[:, None] * u, g, rtol=1e-11, atol=1e-13)
        share = (lower / sigma)[:, None]
        jumped, _ = VE().from_common(state + (s - t)[:, None] * u, s)
        torch.testing.assert_close(jumped, share * x + (1 - share) * g, rtol=1e-11, atol=1e-13)

    def test_the_answer_is_trigflows_with_its_sign_turned(self, clock: str) -> None:
        """f = cos a x - sin a sigma_data F of arXiv 2410.11081, eq. 6, and dx/da = sigma_data F."""
        network, path = (
            Preconditioned(Raw(), specs.Preconditioned(SIGMA_DATA, clock)),
            Trig(SIGMA_DATA),
        )
        angle = torch.linspace(0.01, math.pi / 2 - 0.01, 40, dtype=torch.float64)
        x = SIGMA_DATA * torch.randn(40, 3, dtype=torch.float64)
        state, t = path.to_common(x, angle)
        u = network(state, t, t)
        answer = -network.backbone(*network.backbone.asked)
        torch.testing.assert_close(network.backbone.asked[0], x / SIGMA_DATA)
        f = angle.cos()[:, None] * x - angle.sin()[:, None] * SIGMA_DATA * answer
        torch.testing.assert_close(state - t[:, None] * u, f, rtol=1e-11, atol=1e-13)
        at = t[:, None]
        square = at**2 + SIGMA_DATA**2 * (1 - at) ** 2
        slope = (at - SIGMA_DATA**2 * (1 - at)) / square
        torch.testing.assert_close(
            answer, (u - slope * state) * square.sqrt() / SIGMA_DATA, rtol=1e-9, atol=1e-11
        )

    def test_the_clock_runs_from_zero_to_one_and_is_the_papers(self, clock: str) -> None:
        network = Preconditioned(Raw(), specs.Preconditioned(SIGMA_DATA, clock))
        sigma = sigmas()[0]
        t = sigma / (1 + sigma)
        native = {
            "t": t,
            "log-sigma": sigma.log() / 4,  # EDM's c_noise
            "angle": torch.atan(sigma / SIGMA_DATA),
        }[clock]
        found = network.network_time(t)
        assert (found.diff() > 0).all()
        ratio = found.diff() / native.diff()  # the same up to an offset and a scale
        torch.testing.assert_close(ratio, ratio[:1].expand(len(ratio)), rtol=1e-9, atol=0)
        ends = network.network_time(torch.tensor([0.0, 1.0], dtype=torch.float64))
        torch.testing.assert_close(ends, torch.tensor([0.0, 1.0], dtype=torch.float64))

    def test_the_unit_error_of_the_answer_is_edms_weight(self, clock: str) -> None:
        """S^2 / sigma_data^2 of |u - v|^2; (sigma^2 + sigma_data^2) / (sigma sigma_data)^2 of D."""
        network = Preconditioned(Raw(), specs.Preconditioned(SIGMA_DATA, clock))
        sigma, _, x = sigmas()
        state, t = VE().to_common(x, sigma)
        data = torch.randn_like(x)
        u, v = network(state, t, t), (state - data) / t[:, None]
        square = t**2 + SIGMA_DATA**2 * (1 - t) ** 2
        ours = square / SIGMA_DATA**2 * (u - v).square().sum(1)
        denoised = state - t[:, None] * u
        weight = (sigma**2 + SIGMA_DATA**2) / (sigma * SIGMA_DATA) ** 2
        theirs = weight * (denoised - data).square().sum(1)
        torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=0)


@networks
@parameterisations
class TestTheDerivative:
    def test_it_is_that_of_central_differences(self, name: str, how: str) -> None:
        """Of fourth order, in float64, at s < t and along s = t."""
        network, shape = built(name, how), NETWORKS[name][1]
        torch.manual_seed(1)
        x, v = torch.randn(2, 3, *shape, dtype=torch.float64)
        t = torch.tensor([0.2, 0.5, 0.9], dtype=torch.float64)
        for asked, s in ((network, 0.6 * t), (on_diagonal(network), t)):

            def along(h: float, asked=asked, s=s) -> Tensor:
                with torch.no_grad():
                    return asked(x + h * v, t + h, s, None)

            h = 2e-3
            wanted = (8 * (along(h) - along(-h)) - along(2 * h) + along(-2 * h)) / (12 * h)
            finer = h / 2
            better = (8 * (along(finer) - along(-finer)) - along(2 * finer) + along(-2 * finer)) / (
                12 * finer
            )
            wanted = better + (better - wanted) / 15  # Richardson
            found = total_derivative(asked, x, t, s, v)
            assert (found - wanted).norm() / wanted.norm() < 1e-8

    def test_the_value_comes_with_it(self, name: str, how: str) -> None:
        network, shape = built(name, how), NETWORKS[name][1]
        x, v = torch.randn(2, 3, *shape, dtype=torch.float64)
        t = torch.tensor([0.2, 0.5, 0.9], dtype=torch.float64)
        u, du = with_derivative(network, x, t, 0.5 * t, v)
        with torch.no_grad():
            torch.testing.assert_close(u, network(x, t, 0.5 * t))
        torch.testing.assert_close(du, total_derivative(network, x, t, 0.5 * t, v))
        assert not u.requires_grad

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_all_is_finite_up_to_both_ends(self, name: str, how: str, dtype: torch.dtype) -> None:
        network, shape = built(name, how, dtype), NETWORKS[name][1]
        t = torch.tensor([0.0, 1e-30, 1e-6, 0.002, 0.5, 0.99, 1 - 1e-7, 1.0], dtype=dtype)
        x, v = torch.randn(2, len(t), *shape, dtype=dtype)
        for s in (torch.zeros_like(t), t):
            u, du = with_derivative(network, x, t, s, v)
            assert u.isfinite().all()
            assert du.isfinite().all()
        loss = network(x, t, t).square().mean()
        assert all(
            g.isfinite().all() for g in torch.autograd.grad(loss, list(network.parameters()))
        )


@networks
def test_the_last_layers_weight_is_the_backbones(name: str) -> None:
    network = built(name, "angle")
    assert network.output_weight is network.backbone.output_weight


@clocks
def test_labels_reach_the_backbone(clock: str) -> None:
    network, label = Preconditioned(Raw(), specs.Preconditioned(0.5, clock)), torch.arange(4)
    network(torch.randn(4, 3), torch.rand(4), torch.rand(4), label)
    assert network.backbone.asked[3] is label


def test_a_fresh_network_answers_the_best_linear_guess() -> None:
    """Its last layer starts at zero: then u is E[v | x_t] of Gaussian data of that deviation."""
    spec, shape = NETWORKS["unet"]
    network = build_network(spec, shape, 0, specs.Preconditioned(SIGMA_DATA)).double()
    x, t = torch.randn(5, *shape, dtype=torch.float64), torch.linspace(0, 1, 5).double()
    at = t[:, None, None, None]
    variance = at**2 + SIGMA_DATA**2 * (1 - at) ** 2
    wanted = (at - SIGMA_DATA**2 * (1 - at)) / variance * x
    torch.testing.assert_close(network(x, t, t), wanted)
