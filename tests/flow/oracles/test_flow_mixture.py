"""Laws of the exact velocity of a mixture, and how exactly it is integrated."""

import pytest
import torch
from torch import Tensor

from engine.flow.oracles.dense import DenseFlow
from engine.flow.oracles.gaussian import Gaussian
from engine.flow.oracles.mixture import Mixture
from engine.flow.paths import Linear

# The first forward derivative of a process makes torch build its table with torch.jit.script.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

TIMES = [0.05, 0.3, 0.7, 1.0]


def close(found: Tensor, exact: Tensor, within: float = 1e-10) -> None:
    torch.testing.assert_close(found, exact, rtol=within, atol=within)


def four() -> Mixture:
    corners = torch.tensor([[2, 2], [-2, 2], [-2, -2], [2, -1]], dtype=torch.float64)
    stds = torch.tensor([0.3, 0.4, 0.25, 0.5], dtype=torch.float64)
    return Mixture(corners, stds, torch.tensor([1.0, 2.0, 3.0, 2.0], dtype=torch.float64))


def many(count: int) -> Mixture:
    generator = torch.Generator().manual_seed(7)
    means = torch.randn(count, 2, generator=generator, dtype=torch.float64)
    stds = 0.05 + 0.2 * torch.rand(count, generator=generator, dtype=torch.float64)
    return Mixture(means, stds, torch.ones(count, dtype=torch.float64))


def noise(count: int = 64, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 2, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("t", TIMES)
def test_data_and_noise_make_up_the_state_and_the_velocity(t: float) -> None:
    x = noise()
    data, expected_noise = four().expected(x, t)
    close(Linear().mix(data, expected_noise, t), x)
    close(four().v(x, t), Linear().velocity(data, expected_noise, t))


@pytest.mark.parametrize("t", TIMES)
def test_the_score_is_the_gradient_of_the_density(t: float) -> None:
    x = noise().requires_grad_()
    (gradient,) = torch.autograd.grad(four().log_density(x, t).sum(), x)
    close(four().score(x, t), gradient)
    close(Linear().score_from_noise(four().expected(x, t)[1], t), gradient)


def test_the_density_is_that_of_torch() -> None:
    mixture, x, t = four(), noise(), 0.3
    scale = torch.sqrt(0.49 * mixture.stds**2 + 0.09)
    parts = torch.distributions.Independent(
        torch.distributions.Normal(0.7 * mixture.means, scale[:, None]), 1
    )
    law = torch.distributions.MixtureSameFamily(
        torch.distributions.Categorical(mixture.weights), parts
    )
    close(mixture.log_density(x, t), law.log_prob(x))


@pytest.mark.parametrize("t", TIMES)
def test_the_density_is_carried_by_the_velocity(t: float) -> None:
    """Continuity: d log p / dt + v . score + div v = 0 along both coordinates."""
    x, time = noise(8), torch.full((8,), t, dtype=torch.float64)
    _, change = torch.func.jvp(
        lambda t: four().log_density(x, t), (time,), (torch.ones(8).double(),)
    )
    divergence = torch.zeros(8, dtype=torch.float64)
    for axis in range(2):
        direction = torch.zeros_like(x)
        direction[:, axis] = 1
        _, slope = torch.func.jvp(lambda x: four().v(x, time), (x,), (direction,))
        divergence += slope[:, axis]
    flux = (four().v(x, t) * four().score(x, t)).sum(1)
    close(change + flux + divergence, torch.zeros_like(change), 1e-9)


def test_one_component_is_a_gaussian() -> None:
    mean = torch.tensor([1.0, -0.5], dtype=torch.float64)
    one = Mixture(mean[None], torch.tensor([0.4]).double(), torch.ones(1).double())
    gaussian = Gaussian(mean, one.stds[0] ** 2 * torch.eye(2, dtype=torch.float64))
    for t in TIMES:
        close(one.v(noise(), t), gaussian.v(noise(), t))
        close(one.log_density(noise(), t), gaussian.log_density(noise(), t))
    close(one.jump(noise(), 1.0, 0.0), gaussian.jump(noise(), 1.0, 0.0), 1e-7)
    close(one.jump(noise(), 0.2, 0.9), gaussian.jump(noise(), 0.2, 0.9), 1e-7)


def test_halves_of_a_component_are_the_component() -> None:
    whole = four()
    halves = Mixture(
        whole.means.repeat(2, 1), whole.stds.repeat(2), torch.cat([whole.weights, whole.weights])
    )
    close(halves.v(noise(), 0.3), whole.v(noise(), 0.3))


def test_points_do_not_see_each_other() -> None:
    """More components times points than one portion holds, with one time and one a sample."""
    mixture, x = many(128), noise(1200)
    times = torch.rand(1200, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    together, timed = mixture.v(x, 0.3), mixture.v(x, times)
    for i in (0, 511, 512, 1199):
        close(together[i : i + 1], mixture.v(x[i : i + 1], 0.3))
        close(timed[i : i + 1], mixture.v(x[i : i + 1], times[i].item()))


def test_four_hundred_steps_are_enough() -> None:
    fine = four()
    fine.steps = 1600
    x = noise(128)
    close(four().jump(x, 1.0, 0.0), fine.jump(x, 1.0, 0.0), 1e-6)


def test_staying_returning_and_going_by_way_of() -> None:
    x = four().jump(noise(), 1.0, 0.6)
    assert four().jump(x, 0.6, 0.6).equal(x)
    close(four().jump(four().jump(x, 0.6, 0.1), 0.1, 0.6), x, 1e-6)
    by_way = four().jump(four().jump(x, 0.6, 0.35), 0.35, 0.1)
    close(by_way, four().jump(x, 0.6, 0.1), 1e-6)


def test_one_time_a_sample_equals_one_by_one() -> None:
    x, t = noise(3), torch.tensor([1.0, 0.6, 0.2], dtype=torch.float64)
    s = torch.tensor([0.3, 0.6, 0.9], dtype=torch.float64)
    together = four().jump(x, t, s)
    for i in range(3):
        alone = four().jump(x[i : i + 1], t[i].item(), s[i].item())
        close(together[i : i + 1], alone, 1e-6)


def test_the_trajectory_passes_through_the_jumps() -> None:
    states = four().trajectory(noise(), 1.0, [1.0, 0.5, 0.25])
    assert states[0].equal(noise())
    close(states[2], four().jump(noise(), 1.0, 0.25), 1e-7)


def test_far_away_and_at_the_ends_everything_is_finite() -> None:
    x = torch.tensor([[1e3, -1e3], [0.0, 0.0]])
    for t in (0.0, 1.0):
        assert four().v(x, t).isfinite().all()
        assert four().log_density(x, t).isfinite().all()


def test_samples_follow_weights_means_and_stds() -> None:
    mixture = four()
    drawn = mixture.sample(20000, torch.Generator().manual_seed(0))
    nearest = torch.cdist(drawn, mixture.means).argmin(1)
    for k in range(4):
        own = drawn[nearest == k]
        assert len(own) / 20000 == pytest.approx(mixture.weights[k].item(), abs=0.02)
        close(own.mean(0), mixture.means[k], 0.03)
        close(own.std(0), mixture.stds[k].expand(2), 0.03)


def test_a_component_without_width_is_refused() -> None:
    with pytest.raises(ValueError, match="above zero"):
        Mixture(torch.zeros(1, 2), torch.zeros(1), torch.ones(1))


def test_float32_follows_float64() -> None:
    found = four().v(noise().float(), 0.2)
    assert found.dtype == torch.float32
    close(found.double(), four().v(noise(), 0.2), 1e-4)


@pytest.fixture(scope="module")
def flow() -> DenseFlow:
    return DenseFlow(four(), noise())


def test_the_dense_flow_is_the_direct_integration(flow: DenseFlow) -> None:
    fine, times = four(), [1.0, 0.9987, 0.5, 0.12345, 0.0011, 0.0]
    fine.steps = 800
    direct = fine.trajectory(noise(), 1.0, times)
    for t, x in zip(times, direct, strict=True):
        close(flow.at(t), x, 1e-6)


def test_the_dense_flow_answers_one_time_a_sample(flow: DenseFlow) -> None:
    times = torch.linspace(1, 0, 64, dtype=torch.float64)
    together = flow.at(times)
    for i in (0, 20, 63):
        close(together[i], flow.at(times[i].item())[i])


def test_the_dense_flow_gives_whole_paths_at_once(flow: DenseFlow) -> None:
    times = (1.0, 0.83, 0.5, 0.011, 0.0)
    path = flow.path(times, 7)
    assert path.shape == (len(times), 7, *flow.states.shape[2:])
    for state, time in zip(path, times, strict=True):
        assert torch.equal(state, flow.at(time, 7))
    assert torch.equal(flow.path((0.4,))[0], flow.at(0.4))


def test_the_dense_flow_joins_any_two_times(flow: DenseFlow) -> None:
    close(four().jump(flow.at(0.8), 0.8, 0.15), flow.at(0.15), 1e-6)
    close(four().jump(flow.at(0.15), 0.15, 0.8), flow.at(0.8), 1e-6)
