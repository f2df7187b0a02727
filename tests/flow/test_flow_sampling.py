"""Samplers keep the law of the state, whatever share of the noise is new."""

import math
from itertools import pairwise

import pytest
import torch
from flow_support import GAUSSIAN, Exact, ExactEnd, numbers, points
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from engine.contract.errors import UserError
from engine.flow.base import FlowMap
from engine.flow.dyadic import Dyadic
from engine.flow.endpoint import Endpoint
from engine.flow.flow_map import AverageVelocity, Velocity
from engine.flow.guidance import guided
from engine.flow.oracles.gaussian import Gaussian
from engine.flow.renoise import Noise, below, noised
from engine.flow.sampling import evaluations, sample

NARROW = Gaussian(torch.zeros(1, dtype=torch.float64), torch.tensor([[0.09]], dtype=torch.float64))
TIMES = (1.0, 0.7, 0.45, 0.2, 0.0)


def drawn(x: Tensor) -> Noise:
    return lambda k: numbers(100 + k, x)


def at(t: float, count: int = 200_000) -> Tensor:
    """Samples of the exact law at `t`."""
    data = NARROW.sample(count, torch.Generator().manual_seed(0))
    return (1 - t) * data + t * numbers(1, data)


def deviation(t: float) -> float:
    return math.hypot(0.3 * (1 - t), t)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("times", [(5 / 6, 1 / 2), (0.9, 0.6, 0.3, 0.1), (1.0, 0.5, 0.0)])
def test_every_gamma_keeps_the_law(gamma: float, times: tuple[float, ...]) -> None:
    x = at(times[0])
    found = sample(AverageVelocity(Exact(NARROW)), x, times, gamma, noise=drawn(x))
    assert float(found.std()) == pytest.approx(deviation(times[-1]), rel=0.01)
    assert abs(float(found.mean())) < 0.01


def test_consistency_multistep_keeps_the_law() -> None:
    x = at(1.0)
    found = sample(Endpoint(ExactEnd(NARROW)), x, TIMES, noise=drawn(x))
    assert float(found.std()) == pytest.approx(0.3, rel=0.01)


def test_gamma_zero_is_exact_jumps() -> None:
    model = AverageVelocity(Exact())
    found = sample(model, points(), TIMES, 0.0)
    x = points()
    for t, s in pairwise(TIMES):
        x = model.jump(x, t, s)
    torch.testing.assert_close(found, x, rtol=0, atol=1e-12)
    torch.testing.assert_close(found, GAUSSIAN.jump(points(), 1.0, 0.0), rtol=0, atol=1e-10)
    near = sample(model, points(), TIMES, 1e-9, noise=drawn(points()))
    torch.testing.assert_close(near, found, rtol=0, atol=1e-7)


def test_gamma_one_with_the_same_noise_is_consistency_multistep() -> None:
    noise = drawn(points())
    jumped = sample(AverageVelocity(Exact()), points(), TIMES, 1.0, noise=noise)
    renewed = sample(Endpoint(ExactEnd()), points(), TIMES, noise=noise)
    assert jumped.equal(renewed)


@given(st.floats(0, 1), st.floats(0, 0.999))
def test_gamma_is_that_of_ctm_on_its_own_clock(gamma: float, s: float) -> None:
    """Jump to sqrt(1 - gamma^2) sigma, add gamma sigma noise, all in the VE state."""
    sigma, x, noise = s / (1 - s), points(3), numbers(2, points(3))
    between = below(s, gamma)
    lower = math.sqrt(1 - gamma**2) * sigma
    assert between == pytest.approx(lower / (1 + lower), abs=1e-9)
    y = x * (1 + lower) + math.sqrt(sigma**2 - lower**2) * noise
    torch.testing.assert_close(noised(x, s, gamma, noise), y / (1 + sigma), rtol=1e-6, atol=1e-7)


def test_the_ends_of_gamma_and_of_time() -> None:
    x, noise = points(3), numbers(2, points(3))
    assert below(0.4, 0.0) == pytest.approx(0.4, abs=1e-15)
    assert [below(s, 1.0) for s in (0.0, 0.4, 1.0)] == [0, 0, 0]
    assert [below(1.0, 0.5), below(0.0, 0.5)] == [1, 0]
    assert noised(x, 1.0, 1.0, noise).equal(noise)
    assert noised(x, 0.0, 0.5, noise).equal(x)
    assert noised(x, 0.7, 0.0, noise).allclose(x)


def test_times_of_each_sample() -> None:
    t = torch.tensor([1.0, 0.8, 0.5], dtype=torch.float64)
    s = torch.tensor([0.5, 0.0, 0.2], dtype=torch.float64)
    model, x = AverageVelocity(Exact()), points(3)
    noise = numbers(3, x)
    together = sample(model, x, (t, s), 0.5, noise=lambda _k: noise)
    for i in range(3):
        own: Noise = lambda _k, i=i: noise[i : i + 1]  # noqa: E731
        alone = sample(model, x[i : i + 1], (float(t[i]), float(s[i])), 0.5, noise=own)
        torch.testing.assert_close(together[i : i + 1], alone, rtol=0, atol=1e-10)


def test_without_given_noise_a_sampler_repeats_itself() -> None:
    model = AverageVelocity(Exact())
    one, other = (sample(model, points(), TIMES, 0.5) for _ in range(2))
    assert one.equal(other)
    assert not one.allclose(sample(model, points(), TIMES, 0.5, noise=drawn(points())))


@pytest.mark.parametrize(
    ("flow_map", "gamma", "words"),
    [
        (AverageVelocity(Exact()), 1.01, "between 0"),
        (AverageVelocity(Exact()), math.nan, "between 0"),
        (Velocity(Exact()), 0.5, "without new noise"),
        (Endpoint(ExactEnd()), 0.5, "gamma must be 1"),
        (Endpoint(ExactEnd()), 0.0, "gamma must be 1"),
        (Dyadic(Exact()), 0.5, "leave the dyadic grid"),
    ],
)
def test_what_a_capability_does_not_allow_is_refused(
    flow_map: FlowMap, gamma: float, words: str
) -> None:
    with pytest.raises(UserError, match=words):
        sample(flow_map, points(), (1.0, 0.0), gamma)


@pytest.mark.parametrize("gamma", [None, 1.0])
@pytest.mark.parametrize("build", [AverageVelocity, Endpoint, Dyadic, Velocity])
def test_evaluations_are_counted_truly(build: type[FlowMap], gamma: float | None) -> None:
    network = ExactEnd() if build is Endpoint else Exact()
    flow_map = build(network)
    if build is Velocity and gamma:
        return
    times = (1.0, 0.75, 0.25, 0.0)
    sample(flow_map, points(), times, gamma)
    assert len(network.calls) == evaluations(flow_map, times, gamma)


def test_dyadic_jumps_to_data_stay_on_the_grid() -> None:
    network, noise = Exact(), drawn(points())
    found = sample(Dyadic(network), points(), (1.0, 0.75, 0.25, 0.0), 1.0, noise=noise)
    right = sample(AverageVelocity(Exact()), points(), (1.0, 0.75, 0.25, 0.0), 1.0, noise=noise)
    torch.testing.assert_close(found, right, rtol=0, atol=1e-10)
    assert all(float(s[0]) * 128 % 1 == 0 for _, s, _ in network.calls)


def test_sampling_leaves_no_graph() -> None:
    layer = torch.nn.Linear(2, 2, dtype=torch.float64)
    model = AverageVelocity(lambda x, _t, _s, _label: layer(x))
    for gamma in (0.0, 0.5):
        assert not sample(model, points(), TIMES, gamma).requires_grad


class Labelled:
    """A network whose answer is its label, and 100 where that is hidden by 7."""

    def __call__(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
        assert label is not None
        return torch.where(label == 7, 100, label)[:, None].to(x).expand_as(x)


@pytest.mark.parametrize("weight", [0.0, 1.0, 2.5])
def test_guidance_goes_from_the_hidden_label_to_the_label_and_beyond(weight: float) -> None:
    label = torch.tensor([3, 5])
    v = Velocity(guided(Labelled(), 7, weight)).v(points(2), 0.5, label)
    right = 100 + weight * (label - 100)
    torch.testing.assert_close(v, right[:, None].expand(2, 2).to(v))


def test_where_there_is_no_label_there_is_no_guidance() -> None:
    network = Exact()
    v = Velocity(guided(network, 7, 3.0)).v(points(), 0.5)
    assert v.equal(GAUSSIAN.v(points(), 0.5))
    assert len(network.calls) == 1
