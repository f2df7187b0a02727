"""Identities that every Gaussian path keeps."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from engine.flow.clock import sigma_of
from engine.flow.paths import VE, VP, Linear, Path, Trig

# The first forward derivative of a process makes torch build its table with torch.jit.script.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

PATHS = [Linear(), VE(), Trig(), Trig(0.5), VP(), VP(0.3, 9.0)]
every_path = pytest.mark.parametrize("path", PATHS, ids=repr)
sigmas = st.floats(1e-3, 100.0)


def pair(count: int = 16) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    data = torch.randn(count, 3, 2, generator=generator, dtype=torch.float64) * 0.5
    return data, torch.randn(data.shape, generator=generator, dtype=torch.float64)


def own_times(path: Path, count: int = 16) -> Tensor:
    """Times of the path from nearly data to nearly noise."""
    return path.time_of(sigma_of(torch.linspace(0.02, 0.98, count, dtype=torch.float64)))


@every_path
@given(sigma=sigmas)
def test_time_of_inverts_sigma(path: Path, sigma: float) -> None:
    there = torch.tensor(sigma, dtype=torch.float64)
    torch.testing.assert_close(path.sigma(path.time_of(there)), there, rtol=1e-9, atol=1e-12)


@every_path
def test_scales_have_their_derivatives(path: Path) -> None:
    t = own_times(path)
    for scale, slope in ((path.a, path.da), (path.b, path.db)):
        _, exact = torch.func.jvp(scale, (t,), (torch.ones_like(t),))
        torch.testing.assert_close(slope(t), exact, rtol=1e-10, atol=1e-10)


@every_path
def test_velocity_is_the_derivative_of_mix(path: Path) -> None:
    (data, noise), t = pair(), own_times(path)
    _, exact = torch.func.jvp(lambda t: path.mix(data, noise, t), (t,), (torch.ones_like(t),))
    torch.testing.assert_close(path.velocity(data, noise, t), exact, rtol=1e-10, atol=1e-10)


@every_path
def test_state_and_time_survive_the_common_clock(path: Path) -> None:
    (data, noise), t = pair(), own_times(path)
    x = path.mix(data, noise, t)
    back, own = path.from_common(*path.to_common(x, t))
    torch.testing.assert_close(back, x, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(own, t, rtol=1e-10, atol=1e-10)


@every_path
def test_the_common_state_is_the_linear_mix(path: Path) -> None:
    (data, noise), t = pair(), own_times(path)
    x, common = path.to_common(path.mix(data, noise, t), t)
    torch.testing.assert_close(common, torch.linspace(0.02, 0.98, 16, dtype=torch.float64))
    torch.testing.assert_close(x, Linear().mix(data, noise, common), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("path", [Linear(), Trig(0.5)], ids=repr)
def test_pure_noise_is_common_time_one(path: Path) -> None:
    _, noise = pair()
    x, t = path.from_common(noise, torch.tensor(1.0, dtype=torch.float64))
    back, common = path.to_common(x, t)
    torch.testing.assert_close(common.item(), 1.0)
    torch.testing.assert_close(back, noise)


@every_path
def test_every_quantity_gives_the_others(path: Path) -> None:
    (data, noise), t = pair(), own_times(path)
    x, v = path.mix(data, noise, t), path.velocity(data, noise, t)
    found = {
        "data from v": (path.data_from_velocity(x, v, t), data),
        "noise from v": (path.noise_from_velocity(x, v, t), noise),
        "noise from data": (path.noise_from_data(x, data, t), noise),
        "data from noise": (path.data_from_noise(x, noise, t), data),
        "noise from score": (path.noise_from_score(path.score_from_noise(noise, t), t), noise),
    }
    for name, (value, exact) in found.items():
        torch.testing.assert_close(value, exact, rtol=1e-9, atol=1e-9, msg=name)


def test_the_papers_own_sums() -> None:
    """Linear: D = x - t v. VE: v = (x - D) / sigma. Trig: v has no part along x."""
    (data, noise), t = pair(), torch.full((16,), 0.3, dtype=torch.float64)
    linear, ve, trig = Linear(), VE(), Trig()
    x, v = linear.mix(data, noise, t), linear.velocity(data, noise, t)
    torch.testing.assert_close(linear.data_from_velocity(x, v, t), x - 0.3 * v)
    x = ve.mix(data, noise, t)
    torch.testing.assert_close(ve.velocity(data, noise, t), (x - data) / 0.3)
    x, v = trig.mix(data, noise, t), trig.velocity(data, noise, t)
    torch.testing.assert_close(x**2 + v**2, data**2 + noise**2)


def test_vp_keeps_the_variance() -> None:
    t = torch.linspace(0, 1, 50, dtype=torch.float64)
    torch.testing.assert_close(VP().a(t) ** 2 + VP().b(t) ** 2, torch.ones_like(t))
