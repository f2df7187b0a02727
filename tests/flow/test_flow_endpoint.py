"""An endpoint model is asked for data only; everything between is noise added again."""

import pytest
import torch
from flow_support import GAUSSIAN, Exact, ExactEnd, numbers, points

from engine.contract.catalogue import METHODS
from engine.flow.base import Unknown
from engine.flow.endpoint import TEACHER_STEPS, Endpoint
from engine.flow.flow_map import Velocity, flow_map_for
from engine.flow.oracles.gaussian import Gaussian
from engine.flow.renoise import Noise
from engine.flow.sampling import sample

NARROW = Gaussian(torch.zeros(1, dtype=torch.float64), torch.tensor([[0.09]], dtype=torch.float64))


def given(*made: torch.Tensor) -> Noise:
    return lambda k: made[k]


@pytest.mark.parametrize("t", [1.0, 0.7, 0.1, 0.0])
def test_a_jump_to_data_is_f_in_one_evaluation(t: float) -> None:
    network = ExactEnd()
    found = Endpoint(network).jump(points(), t, 0.0)
    torch.testing.assert_close(found, GAUSSIAN.jump(points(), t, 0.0), rtol=0, atol=1e-10)
    assert len(network.calls) == 1 == Endpoint(network).nfe(t, 0.0, 1)
    assert found.equal(Endpoint(network).f(points(), t))


@pytest.mark.parametrize(("t", "s"), [(0.9, 0.4), (0.4, 0.9), (1.0, 0.01), (0.5, 1.0)])
def test_a_jump_to_elsewhere_is_denoise_and_renoise(t: float, s: float) -> None:
    noise = numbers(3, points())
    found = Endpoint(ExactEnd()).jump(points(), t, s, noise=given(noise))
    data = GAUSSIAN.jump(points(), t, 0.0)
    torch.testing.assert_close(found, (1 - s) * data + s * noise, rtol=0, atol=1e-10)


def test_who_stands_there_already_stays() -> None:
    x, t = points(4), torch.tensor([0.2, 0.5, 0.7, 1.0], dtype=torch.float64)
    s = torch.tensor([0.2, 0.1, 0.7, 0.0], dtype=torch.float64)
    found = Endpoint(ExactEnd()).jump(x, t, s)
    assert found[[0, 2]].equal(x[[0, 2]])
    torch.testing.assert_close(found[3], GAUSSIAN.jump(x, t, s)[3], rtol=0, atol=1e-10)


def test_without_given_noise_it_is_always_the_same_and_not_what_made_x() -> None:
    one, other = (Endpoint(ExactEnd()).jump(points(), 0.9, 0.5) for _ in range(2))
    assert one.equal(other)
    drawn = Endpoint(ExactEnd()).jump(points(4000), 1.0, 1 - 1e-12)  # the noise alone
    together = torch.corrcoef(torch.cat([drawn, points(4000)], 1).T)[:2, 2:]
    assert float(together.abs().max()) < 0.06


def test_several_steps_are_consistency_multistep_with_fresh_noise_each() -> None:
    first, second, network = numbers(3, points()), numbers(4, points()), ExactEnd()
    model = Endpoint(network)
    found = model.jump(points(), 1.0, 0.1, steps=3, noise=given(first, second, first))
    x = 0.3 * model.f(points(), 1.0) + 0.7 * first
    x = 0.6 * model.f(x, 0.7) + 0.4 * second
    x = 0.9 * model.f(x, 0.4) + 0.1 * first
    torch.testing.assert_close(found, x, rtol=0, atol=1e-10)
    assert model.nfe(1.0, 0.1, 3) == 3


def test_renoise_keeps_the_law_and_the_denoisers_formula_would_not() -> None:
    """methods.md A: from sigma 5 to sigma 1 with data of deviation 0.3, in the VE state."""
    t, s, count = 5 / 6, 1 / 2, 200_000
    x = NARROW.sample(count, torch.Generator().manual_seed(0)) * (1 - t)
    x = x + t * numbers(5, x)
    model = Endpoint(ExactEnd(NARROW))
    noise = numbers(6, x)
    found = model.jump(x, t, s, noise=given(noise))
    true = (0.3**2 + 1) ** 0.5
    assert float(found.std()) / (1 - s) == pytest.approx(true, abs=0.01)
    path = NARROW.jump(x, t, s)
    assert float(torch.corrcoef(torch.cat([found, path], 1).T)[0, 1]) == pytest.approx(
        0.29, abs=0.01
    )
    ddim = s / t * x + (1 - s / t) * model.f(x, t)
    assert float(ddim.std()) / (1 - s) == pytest.approx(1.242, abs=0.01)  # so it is never offered


def test_it_never_blends_f_with_where_it_came_from() -> None:
    """No jump to s > 0 depends on x_t but through f: DDIM with f in place of D would."""
    t, s = 0.8, 0.3
    there = torch.randn(5, 2, dtype=torch.float64)
    model = Endpoint(lambda x, time, _s, _label: (x - there) / time[:, None])
    for start in (points(5), -3 * points(5)):
        found = model.jump(start, t, s, noise=given(torch.zeros_like(start)))
        torch.testing.assert_close(found, (1 - s) * there, rtol=0, atol=1e-10)


def test_u_and_v_are_known_only_where_something_is() -> None:
    model = Endpoint(ExactEnd())
    u = model.u(points(), 0.6, 0.0)
    torch.testing.assert_close(points() - 0.6 * u, model.f(points(), 0.6), rtol=0, atol=1e-10)
    for asked in (lambda: model.v(points(), 0.6), lambda: model.u(points(), 0.6, 0.2)):
        with pytest.raises(Unknown, match="consistency model knows no"):
            asked()


def test_a_teacher_shows_the_way_to_s_above_zero() -> None:
    teacher = Velocity(Exact(), "rk4")
    model = Endpoint(ExactEnd(), teacher)
    for t, s in ((0.9, 0.4), (0.3, 0.8)):
        found = model.jump(points(), t, s)
        torch.testing.assert_close(found, GAUSSIAN.jump(points(), t, s), rtol=0, atol=1e-6)
        assert model.nfe(t, s, 1) == 4 * TEACHER_STEPS * 0.5
    assert model.jump(points(), 0.9, 0.0).equal(Endpoint(ExactEnd()).jump(points(), 0.9, 0.0))
    assert model.v(points(), 0.5).equal(GAUSSIAN.v(points(), 0.5))
    t, s = torch.tensor([0.9, 0.9]).double(), torch.tensor([0.4, 0.0]).double()
    mixed = model.jump(points(2), t, s)
    torch.testing.assert_close(mixed, GAUSSIAN.jump(points(2), t, s), rtol=0, atol=1e-6)


def test_no_method_of_this_capability_gets_another_flow_map() -> None:
    for method in METHODS:
        if method.capability == "endpoint":
            assert type(flow_map_for(method.name, ExactEnd())) is Endpoint


def test_sampling_renews_all_noise_whether_asked_or_not() -> None:
    model, noise = Endpoint(ExactEnd()), given(numbers(3, points()))
    times = (1.0, 0.45, 0.0)
    found = sample(model, points(), times, noise=noise)
    torch.testing.assert_close(found, sample(model, points(), times, 1.0, None, noise))
    torch.testing.assert_close(found, model.carry(points(), times, None, noise))
