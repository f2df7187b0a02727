"""Laws of the exact velocity of a finite set of samples."""

import torch
from torch import Tensor

from engine.flow.oracles.dense import DenseFlow
from engine.flow.oracles.empirical import Empirical
from engine.flow.oracles.mixture import Mixture
from engine.flow.paths import Linear


def close(found: Tensor, exact: Tensor, within: float = 1e-10) -> None:
    torch.testing.assert_close(found, exact, rtol=within, atol=within)


def pictures(count: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.rand(count, 3, 4, 4, generator=generator, dtype=torch.float64) - 1


def noise(count: int = 8) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(count, 3, 4, 4, generator=generator, dtype=torch.float64)


def test_the_flow_of_one_sample_is_a_straight_line() -> None:
    one = pictures(1)
    oracle = Empirical(one)
    for t, s in ((1.0, 0.5), (1.0, 0.0), (0.9, 0.0005), (0.4, 0.9), (0.0007, 0.6), (0.0005, 0.0)):
        x_t, x_s = (1 - t) * one + t * noise(), (1 - s) * one + s * noise()
        close(oracle.jump(x_t, t, s), x_s)


def test_at_the_sample_itself_the_noise_is_zero() -> None:
    one = pictures(1)
    oracle = Empirical(one)
    close(oracle.v(one, 0.0), -one)
    close(oracle.jump(one, 0.0, 0.5), one / 2)


def test_data_and_noise_make_up_the_state() -> None:
    for t in (0.1, 0.7, 1.0):
        data, expected_noise = Empirical(pictures(50)).expected(noise(), t)
        close(Linear().mix(data, expected_noise, t), noise())


def test_it_is_the_limit_of_a_narrow_mixture() -> None:
    points = pictures(30).flatten(1)[:, :2]
    narrow = Mixture(points, torch.full((30,), 1e-9).double(), torch.ones(30).double())
    x = noise(40).flatten(1)[:, :2]
    for t in (0.1, 0.4, 0.9, 1.0):
        close(Empirical(points).v(x, t), narrow.v(x, t), 1e-9)


def test_every_trajectory_ends_in_a_sample() -> None:
    data = pictures(50)
    ends = Empirical(data).jump(noise(), 1.0, 0.0)
    distance = torch.cdist(ends.flatten(1), data.flatten(1)).min(1).values
    close(distance, torch.zeros_like(distance), 1e-6)


def test_a_hundred_steps_are_enough() -> None:
    oracle, fine = Empirical(pictures(100)), Empirical(pictures(100))
    fine.steps = 400
    for s in (0.9, 0.5, 0.2):
        close(oracle.jump(noise(), 1.0, s), fine.jump(noise(), 1.0, s), 1e-5)


def test_there_and_back() -> None:
    oracle = Empirical(pictures(20))
    x = oracle.jump(noise(), 1.0, 0.7)
    close(oracle.jump(oracle.jump(x, 0.7, 1.0), 1.0, 0.7), x, 1e-5)


def test_one_time_a_sample_equals_one_by_one() -> None:
    oracle = Empirical(pictures(20))
    t, s = torch.tensor([1.0, 0.6, 0.0005]).double(), torch.tensor([0.0, 0.6, 0.3]).double()
    x = oracle.jump(noise(3), 1.0, t)
    together = oracle.jump(x, t, s)
    for i in range(3):
        alone = oracle.jump(x[i : i + 1], t[i].item(), s[i].item())
        close(together[i : i + 1], alone, 1e-5)


def test_the_dense_flow_is_the_direct_integration() -> None:
    oracle = Empirical(pictures(30))
    oracle.steps = 200
    flow, times = DenseFlow(oracle, noise()), (1.0, 0.6, 0.123, 0.0015, 0.0004, 0.0)
    direct = oracle.trajectory(noise(), 1.0, times)
    for t, x in zip(times, direct, strict=True):
        close(flow.at(t), x, 1e-6)


def test_samples_may_differ_by_nothing() -> None:
    twice = pictures(1).repeat(2, 1, 1, 1)
    close(Empirical(twice).jump(noise(), 1.0, 0.0), twice[:1].expand(8, 3, 4, 4))


def test_float32_follows_float64() -> None:
    data = pictures(50)
    found = Empirical(data).v(noise().float(), 0.6)
    assert found.dtype == torch.float32
    close(found.double(), Empirical(data).v(noise(), 0.6), 1e-3)
