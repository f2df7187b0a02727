"""Jumps obey the laws of a flow map, whatever the number of samples; the rest is refused."""

import math

import pytest
import torch
from explore_support import exact_model, picture_model, velocity_model

from engine.contract.errors import UserError
from engine.contract.messages import Source
from engine.contract.specs import DiT, UNet
from engine.explore import going
from engine.explore.draws import draw_noise, start
from engine.explore.jumps import jump, jump_states, state_at, states
from engine.explore.precision import bfloat16_helps

SOURCE = Source(count=32)


@pytest.fixture
def model(workspace):
    return exact_model(workspace)


def close(a, b, atol=2e-4):
    assert a.shape == b.shape
    assert float((a - b).abs().max()) <= atol


@pytest.mark.parametrize("kind", ["noise", "data"])
@pytest.mark.parametrize("t", [0.0, 0.3, 1.0])
def test_a_jump_to_where_one_stands_changes_nothing(model, kind, t):
    found = states(model, Source(kind, 0, 16), t, t)
    assert torch.equal(found.x_s, found.x_t)
    assert not found.outside


def test_the_ends_of_both_sources(model):
    noise, data, _ = start(model, Source("data", 3, 16))
    assert torch.equal(state_at(model, Source("noise", 3, 16), 1.0), noise)
    assert torch.equal(state_at(model, Source("data", 3, 16), 1.0), noise)
    assert torch.equal(state_at(model, Source("data", 3, 16), 0.0), data)
    close(state_at(model, Source("data", 3, 16), 0.25), 0.75 * data + 0.25 * noise)


@pytest.mark.parametrize("build", [exact_model, velocity_model])
def test_noise_is_carried_along_the_exact_flow(workspace, build):
    model = build(workspace)
    oracle = model.network.oracle
    noise = draw_noise(0, 32, (2,))
    for t in (0.9, 0.5, 0.0):
        close(state_at(model, SOURCE, t), oracle.jump(noise, 1.0, t), 2e-2)


def test_jumps_of_an_exact_map_compose(model):
    whole = states(model, SOURCE, 1.0, 0.1).x_s
    close(states(model, SOURCE, 1.0, 0.1, 4).x_s, whole)
    half, _ = jump_states(model, state_at(model, SOURCE, 1.0), 1.0, 0.6)
    close(jump_states(model, half, 0.6, 0.1)[0], whole)
    back, _ = jump_states(model, whole, 0.1, 1.0)
    close(back, draw_noise(0, 32, (2,)))


def test_evaluations_are_counted(workspace):
    for build, each in ((exact_model, 1), (velocity_model, 2)):
        model = build(workspace)
        state_at(model, SOURCE, 1.0)
        for steps in (1, 4):
            model.network.asked = 0
            assert states(model, SOURCE, 1.0, 0.2, steps).nfe == each * steps
            assert model.network.asked == each * steps


def test_x_t_is_computed_once_while_s_moves(model):
    states(model, SOURCE, 0.5, 0.1)
    model.network.asked = 0
    for s in (0.2, 0.3, 0.4):
        states(model, SOURCE, 0.5, s)
    assert model.network.asked == 3


def test_a_velocity_takes_each_step_from_noise_once(workspace):
    model = velocity_model(workspace)
    state_at(model, SOURCE, 0.5)
    model.network.asked = 0
    for t in (0.501, 0.7, 0.99):
        state_at(model, SOURCE, t)
    assert model.network.asked == 3 * 2


def test_towards_noise_is_outside_for_a_map_and_not_for_a_velocity(workspace):
    assert states(exact_model(workspace), SOURCE, 0.2, 0.7).outside
    assert not states(exact_model(workspace), SOURCE, 0.7, 0.2).outside
    assert not states(velocity_model(workspace), SOURCE, 0.2, 0.7).outside


def test_times_of_each_sample(model):
    x_t = draw_noise(0, 8, (2,))
    t, s = torch.linspace(1.0, 0.4, 8), torch.linspace(0.0, 0.4, 8)
    together, way = jump_states(model, x_t, t, s)
    assert way.nfe == 1
    for k in range(8):
        alone, _ = jump_states(model, x_t[k : k + 1], float(t[k]), float(s[k]))
        close(together[k : k + 1], alone, 1e-3)


def test_pieces_change_nothing(workspace, monkeypatch):
    model = picture_model(workspace)
    whole = states(model, Source(count=20), 0.8, 0.1).x_s
    state_at.cache_clear()
    monkeypatch.setattr(going, "_PIECE", {1: 4096, 3: 7})
    close(states(model, Source(count=20), 0.8, 0.1).x_s, whole, 1e-5)
    label = start(model, Source(count=20)).label
    t = torch.linspace(0.5, 0.9, 20)
    apart = jump(model, whole, t, 0.1, 1, label)
    assert apart.shape == whole.shape


def test_more_samples_extend_the_grid(workspace):
    model = picture_model(workspace)
    few, many = (states(model, Source(count=n), 0.7, 0.2) for n in (9, 30))
    close(few.x_t, many.x_t[:9], 1e-5)
    close(few.x_s, many.x_s[:9], 1e-5)


def test_labels_reach_the_network(workspace):
    model = picture_model(workspace)
    one, other = (states(model, Source(count=4, label=k), 1.0, 0.0).x_s for k in (0, 1))
    assert not torch.allclose(one, other)
    mixed = states(model, Source(count=4), 1.0, 0.0).x_s
    close(mixed[:1], one[:1], 1e-5)
    close(mixed[1:2], other[1:2], 1e-5)


@pytest.mark.parametrize("network", [UNet(8, (1.0, 2.0), 1, (8.0,)), DiT(2, 32, 2, 2)])
def test_bfloat16_gives_the_same_pictures_to_the_eye(workspace, network):
    model = picture_model(workspace, network=network)
    exact, fast = (states(model, Source(), 0.9, 0.0, fast=fast).x_s for fast in (False, True))
    assert not torch.equal(exact, fast)
    assert float((exact - fast).square().mean().sqrt()) * 127.5 < 1.0
    assert isinstance(bfloat16_helps(model), bool)


def test_points_are_never_computed_in_bfloat16(model):
    assert bfloat16_helps(model) is False


@pytest.mark.parametrize(
    ("t", "s", "steps", "words"),
    [
        (1.01, 0.0, 1, "t must lie between 0 (data) and 1 (noise), not 1.01."),
        (-1e-9, 0.0, 1, "t must lie"),
        (math.nan, 0.0, 1, "t must lie between 0 (data) and 1 (noise), not nan."),
        (1.0, math.inf, 1, "s must lie"),
        (1.0, 0.0, 0, "steps must lie between 1 and 1000, not 0."),
        (1.0, 0.0, 1001, "steps must"),
    ],
)
def test_impossible_jumps_are_refused_in_a_sentence(model, t, s, steps, words):
    with pytest.raises(UserError) as caught:
        states(model, SOURCE, t, s, steps)
    assert words in str(caught.value)
    with pytest.raises(UserError):
        jump_states(model, torch.zeros(2, 2), torch.tensor([0.5, t]), s, steps=steps)


def test_an_answer_that_is_not_finite_is_refused(model):
    with pytest.raises(UserError, match="not finite"):
        jump_states(model, torch.full((1, 2), torch.nan), 1.0, 0.0)
