"""Closed forms: at the exact map everything is zero, at maps that are wrong it is what is known."""

import pytest
import torch

from engine.explore.probes import defect, residual, squares
from engine.flow.oracles.gaussian import Gaussian

T = torch.tensor([1.0, 0.9, 0.7, 0.31, 0.05]).double()
S = torch.tensor([0.0, 0.4, 0.69, 0.3, 0.0]).double()
SHIFT = torch.tensor([0.3, -0.4]).double()  # of length 0.5


def gaussian(variance=0.25):
    return Gaussian(torch.zeros(2).double(), variance * torch.eye(2).double())


def skewed():
    covariance = torch.tensor([[0.5, 0.2], [0.2, 0.3]]).double()
    return Gaussian(torch.tensor([1.0, -2.0]).double(), covariance)


def average(oracle, shift=0.0):
    """u of the exact map, and a constant beside it."""

    def u(x, t, s, label=None):
        return (oracle.jump(x, t, s) - x) / (s - t)[:, None] + shift

    return u


def jump_of(u):
    return lambda x, t, s: x + (s - t)[:, None] * u(x, t, s)


def states(oracle):
    noise = torch.randn(len(T), 2, generator=torch.Generator().manual_seed(0)).double()
    return oracle.jump(noise, 1.0, T)


@pytest.mark.parametrize("middle", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("oracle", [gaussian(), skewed()], ids=["isotropic", "skewed"])
def test_the_exact_map_has_no_defect(oracle, middle):
    assert defect(oracle.jump, states(oracle), T, S, S + middle * (T - S)).max() < 1e-24


@pytest.mark.parametrize("oracle", [gaussian(), skewed()], ids=["isotropic", "skewed"])
def test_the_exact_map_has_no_residual(oracle):
    x = states(oracle)
    assert residual(average(oracle), x, T, S, oracle.v(x, T)).max() < 1e-22


def test_a_constant_in_u_is_the_residual_itself():
    oracle = skewed()
    x = states(oracle)
    found = residual(average(oracle, SHIFT), x, T, S, oracle.v(x, T))
    torch.testing.assert_close(found, torch.full_like(T, 0.25 / 2))


def test_the_defect_of_a_constant_in_u_is_known():
    """Two shifted jumps against one: (scale(q, s) - 1) (q - t) of the constant."""
    oracle, middle = gaussian(0.25), 0.3
    q = S + middle * (T - S)
    deviation = (0.25 * (1 - torch.stack((S, q))) ** 2 + torch.stack((S, q)) ** 2).sqrt()
    wrong = (deviation[0] / deviation[1] - 1) * (q - T)
    found = defect(jump_of(average(oracle, SHIFT)), states(oracle), T, S, q)
    torch.testing.assert_close(found, wrong**2 * 0.25 / 2)


def test_the_identity_agrees_with_itself_and_is_wrong():
    oracle = skewed()
    x = states(oracle)
    assert defect(lambda x, t, s: x, x, T, S, (T + S) / 2).max() == 0
    assert squares(x - oracle.jump(x, T, S)).min() > 0


def test_single_samples_add_the_scatter_of_their_velocity():
    """Over data and noise, mean |r|^2 = |marginal r|^2 + the scatter of (1 - (t - s) du/dx) v."""
    count, t, s, variance = 200_000, 0.7, 0.2, 0.25
    oracle = gaussian(variance)
    data, noise = torch.randn(2, count, 1, generator=torch.Generator().manual_seed(1)).double()
    data, noise = data.repeat(1, 2) * variance**0.5, noise.repeat(1, 2)
    x, times = (1 - t) * data + t * noise, torch.full((count,), t).double()
    ends = torch.full_like(times, s)
    found = residual(average(oracle), x, times, ends, noise - data).mean()
    total = (1 - t) ** 2 * variance + t**2
    scatter = variance / total  # of noise - data, given x
    slope = ((((1 - s) ** 2 * variance + s**2) / total) ** 0.5 - 1) / (s - t)
    torch.testing.assert_close(
        found, torch.tensor((1 - (t - s) * slope) ** 2 * scatter).double(), rtol=0.02, atol=0
    )
