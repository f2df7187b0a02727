"""Laws of the exact flow map of Gaussian data, on every path."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from engine.flow.clock import sigma_of, spread
from engine.flow.oracles.gaussian import Gaussian
from engine.flow.paths import VE, VP, Linear, Path, Trig
from engine.flow.solvers import even, integrate

# The first forward derivative of a process makes torch build its table with torch.jit.script.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

MEAN = torch.tensor([1.0, -0.5, 0.3], dtype=torch.float64)
ROOT = torch.tensor([[0.5, 0.0, 0.0], [0.3, 0.8, 0.0], [-0.4, 0.1, 0.2]], dtype=torch.float64)
COVARIANCE = ROOT @ ROOT.T
PATHS = [Linear(), VE(), Trig(), Trig(0.5), VP()]
every_path = pytest.mark.parametrize("path", PATHS, ids=repr)


def close(found: Tensor, exact: Tensor, within: float = 1e-10) -> None:
    torch.testing.assert_close(found, exact, rtol=within, atol=within)


def oracle(path: Path | None = None) -> Gaussian:
    return Gaussian(MEAN, COVARIANCE, path)


def case(path: Path, *common: float, count: int = 12) -> tuple[Tensor, ...]:
    """States on the path at the first of the common times, and those times on the path's clock."""
    generator = torch.Generator().manual_seed(4)
    x = torch.randn(count, 3, generator=generator, dtype=torch.float64)
    t = torch.tensor(common, dtype=torch.float64)
    times = path.time_of(sigma_of(t))
    return path.from_common(x, t[0].repeat(count))[0], *(s.repeat(count) for s in times)


@every_path
def test_staying_returning_and_going_by_way_of(path: Path) -> None:
    x, t, q, s = case(path, 0.9, 0.5, 0.1)
    g = oracle(path)
    close(g.jump(x, t, t), x)
    close(g.jump(g.jump(x, t, s), s, t), x)
    close(g.jump(g.jump(x, t, q), q, s), g.jump(x, t, s))


@every_path
def test_every_path_has_the_same_flow_map(path: Path) -> None:
    x, t, s = case(path, 0.9, 0.2)
    there, common_s = path.to_common(oracle(path).jump(x, t, s), s)
    x_common, common_t = path.to_common(x, t)
    close(there, oracle().jump(x_common, common_t, common_s))


@every_path
def test_data_and_noise_make_up_the_state_and_the_velocity(path: Path) -> None:
    x, t = case(path, 0.6)
    data, noise = oracle(path).expected(x, t)
    close(path.mix(data, noise, t), x)
    close(path.velocity(data, noise, t), oracle(path).v(x, t))
    close(path.data_from_velocity(x, oracle(path).v(x, t), t), data)


@every_path
def test_the_score_is_the_gradient_of_the_density(path: Path) -> None:
    x, t = case(path, 0.6)
    x.requires_grad_()
    (gradient,) = torch.autograd.grad(oracle(path).log_density(x, t).sum(), x)
    score = oracle(path).score(x, t)
    close(score, gradient)
    close(path.score_from_noise(oracle(path).expected(x, t)[1], t), gradient)


@every_path
def test_the_velocity_integrates_to_the_jump(path: Path) -> None:
    x, t, s = case(path, 0.8, 0.1)
    close(integrate(oracle(path).v, x, even(t, s, 400)), oracle(path).jump(x, t, s), 1e-8)


@every_path
def test_lagrangian_residual(path: Path) -> None:
    """d jump / ds = v(jump, s)."""
    x, t, s = case(path, 0.8, 0.3)
    g = oracle(path)
    there, slope = torch.func.jvp(lambda s: g.jump(x, t, s), (s,), (torch.ones_like(s),))
    close(slope, g.v(there, s))


@every_path
def test_eulerian_residual(path: Path) -> None:
    """The jump does not change when its start moves along the trajectory."""
    x, t, s = case(path, 0.8, 0.3)
    g = oracle(path)
    directions = (g.v(x, t), torch.ones_like(t))
    _, slope = torch.func.jvp(lambda x, t: g.jump(x, t, s), (x, t), directions)
    close(slope, torch.zeros_like(slope))


def average_velocity(g: Gaussian) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    return lambda x, t, s: (x - g.jump(x, t, s)) / spread(t - s, x)


@every_path
def test_mean_flow_identity(path: Path) -> None:
    """u = v - (t - s) du/dt, with du/dt along (v, 1, 0) (arXiv 2505.13447, equation 6)."""
    x, t, s = case(path, 0.8, 0.3)
    g = oracle(path)
    v = g.v(x, t)
    directions = (v, torch.ones_like(t), torch.zeros_like(s))
    u, du = torch.func.jvp(average_velocity(g), (x, t, s), directions)
    close(u, v - spread(t - s, x) * du)


def test_the_forward_derivative_agrees_with_a_central_difference() -> None:
    x, t, s = case(Linear(), 0.7, 0.2)
    g, h = oracle(), 1e-4
    u = average_velocity(g)
    v = g.v(x, t)
    _, du = torch.func.jvp(u, (x, t, s), (v, torch.ones_like(t), torch.zeros_like(s)))
    near = [u(x + d * v, t + d, s) for d in (2 * h, h, -h, -2 * h)]
    fourth_order = (-near[0] + 8 * near[1] - 8 * near[2] + near[3]) / (12 * h)
    close(du, fourth_order, 1e-8)


def test_one_time_or_one_a_sample() -> None:
    x, t, s = case(Linear(), 0.9, 0.2)
    close(oracle().jump(x, 0.9, 0.2), oracle().jump(x, t, s))
    assert oracle().trajectory(x, 0.9, [0.9, 0.5, 0.0]).shape == (3, 12, 3)
    close(oracle().trajectory(x, 0.9, [0.5, 0.2])[1], oracle().jump(x, t, s))


def test_noise_becomes_data() -> None:
    """The map of the noise's law N(0, I) has the data's mean and covariance: it is affine."""
    origin = oracle().jump(torch.zeros(1, 3, dtype=torch.float64), 1.0, 0.0)[0]
    close(origin, MEAN)
    matrix = oracle().jump(torch.eye(3, dtype=torch.float64), 1.0, 0.0) - origin
    close(matrix.T @ matrix, COVARIANCE)


def test_samples_have_the_mean_and_covariance() -> None:
    drawn = oracle().sample(20000, torch.Generator().manual_seed(0))
    close(drawn.mean(0), MEAN, 0.02)
    close(torch.cov(drawn.T), COVARIANCE, 0.02)


def test_float32_follows_float64() -> None:
    x, t, s = case(Linear(), 0.9, 0.1)
    found = oracle().jump(x.float(), t.float(), s.float())
    assert found.dtype == torch.float32
    close(found.double(), oracle().jump(x, t, s), 1e-5)
