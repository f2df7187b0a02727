"""Laws of what x_t comes from: noise between seeds, one sample, and what a hand moved."""

import math

import numpy as np
import pytest
import torch
from explore_support import (
    endpoint_model,
    exact_model,
    picture_model,
    velocity_model,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.contract.errors import UserError
from engine.contract.messages import Sampler
from engine.contract.source import Mix, Moved, Sample, Source
from engine.contract.specs import FlowMatching
from engine.explore.draws import draw_noise, start
from engine.explore.jumps import state_at, states
from engine.explore.noises import rolled, source_noise, weights
from engine.explore.traces import traces

FOUR = (3, 8, 1, 40)
SHAPE = (3, 4, 4)
MIXES = (Mix(FOUR, 0.5, 0.5), Mix((3, 4), 0.25), Mix((3, 3, 5, 3), 0.6, 0.4))
shares = st.floats(0, 1)
few = settings(max_examples=40, deadline=None)


def noise(mix, shape=(2,), count=16):
    return source_noise(Source(count=count, mix=mix), shape)


def close(a, b, atol=2e-4):
    assert a.shape == b.shape
    assert float((a - b).abs().max()) <= atol


# Noise between seeds.


@pytest.mark.parametrize(("place", "corner"), [((0, 0), 0), ((1, 0), 1), ((0, 1), 2), ((1, 1), 3)])
def test_a_corner_is_the_noise_of_its_seed_bit_for_bit(place, corner):
    found = noise(Mix(FOUR, *map(float, place)), SHAPE)
    assert torch.equal(found, draw_noise(FOUR[corner], 16, SHAPE))
    if corner < 2:
        assert torch.equal(noise(Mix(FOUR[:2], float(place[0])), SHAPE), found)


@few
@given(shares, shares)
def test_shares_are_those_of_a_slerp_of_slerps_of_orthogonal_vectors(x, y):
    found = weights(Mix((0, 1, 2, 3), x, y))
    axes = np.eye(4)
    line = lambda a, b, way: math.cos(way * math.pi / 2) * a + math.sin(way * math.pi / 2) * b  # noqa: E731
    ends = line(axes[0], axes[1], x), line(axes[2], axes[3], x)
    expected = line(*ends, y)  # each end has length 1, and they are orthogonal
    np.testing.assert_allclose([found.get(k, 0.0) for k in range(4)], expected, atol=1e-12)
    assert sum(share**2 for share in found.values()) == pytest.approx(1.0, abs=1e-12)


@few
@given(shares, shares)
def test_the_square_is_symmetric(x, y):
    seeds = weights(Mix(FOUR, x, y))
    mirrored = weights(Mix((FOUR[1], FOUR[0], FOUR[3], FOUR[2]), 1 - x, y))
    turned = weights(Mix((FOUR[0], FOUR[2], FOUR[1], FOUR[3]), y, x))
    for other in (mirrored, turned):
        for seed in FOUR:
            assert seeds.get(seed, 0.0) == pytest.approx(other.get(seed, 0.0), abs=1e-12)


@few
@given(shares, st.floats(0, 1e-3))
def test_it_is_continuous(x, way):
    here, there = noise(Mix(FOUR, x, 0.3)), noise(Mix(FOUR, min(1.0, x + way), 0.3))
    assert float((here - there).abs().max()) <= 4 * (math.pi / 2 * way) * 5 + 1e-5


@pytest.mark.parametrize("mix", MIXES)
def test_it_is_standard_normal_everywhere(mix):
    found = noise(mix, (2,), 40_000)
    assert found.mean(0).abs().max() < 0.02
    assert (torch.cov(found.T) - torch.eye(2)).abs().max() < 0.03
    assert abs(float(found.pow(4).mean()) - 3) < 0.15  # no heavier tails
    pictures = noise(mix, (3, 16, 16), 64).flatten(1)
    length = pictures.norm(dim=1) / math.sqrt(768)
    assert 0.85 < float(length.min()) < float(length.max()) < 1.15


def test_equal_seeds_are_that_seed():
    assert torch.equal(noise(Mix((7, 7, 7, 7), 0.3, 0.8)), draw_noise(7, 16, (2,)))


def test_a_fractional_seed_lies_between_its_neighbours():
    low, between, high = (noise(Mix((3, 4), x), SHAPE, 64).flatten() for x in (0.0, 0.25, 1.0))
    angle = 0.25 * math.pi / 2
    close(between, math.cos(angle) * low + math.sin(angle) * high, 1e-6)
    assert float(between @ low) > float(between @ high) > 0


def test_more_samples_extend_a_mix():
    assert torch.equal(
        noise(Mix(FOUR, 0.2, 0.7), count=9), noise(Mix(FOUR, 0.2, 0.7), count=70)[:9]
    )


@pytest.mark.parametrize(
    ("mix", "words"),
    [
        (Mix((1, 2, 3), 0.5), "2 or 4 seeds, not of 3"),
        (Mix((1, 2), 1.5), "x must lie between 0 and 1"),
        (Mix(FOUR, 0.5, math.nan), "y must lie between 0 and 1"),
    ],
)
def test_what_is_no_mix_is_refused(workspace, mix, words):
    with pytest.raises(UserError, match=words):
        states(exact_model(workspace), Source(mix=mix), 1.0, 0.0)


def test_jumps_and_paths_begin_at_the_mix(workspace):
    model, source = exact_model(workspace), Source(count=8, mix=Mix(FOUR, 0.4, 0.9))
    assert torch.equal(states(model, source, 1.0, 0.0).x_t, noise(source.mix, count=8))
    assert torch.equal(traces(model, source, 1.0, 0.0, 3, 8).learned[0], noise(source.mix, count=8))
    data = replace(source, kind="data")
    assert torch.equal(start(model, data).data, start(model, Source("data", count=8)).data)


# What a hand moved.


@pytest.mark.parametrize("kind", ["noise", "data", "sample"])
@pytest.mark.parametrize("t", [0.0, 0.3, 1.0])
def test_a_moved_point_stands_where_it_was_put_and_no_other_moves(workspace, kind, t):
    model = exact_model(workspace)
    plain = Source(kind, 0, 8, sample=Sample() if kind == "sample" else None)
    source = replace(plain, moved=(Moved(3, 0.5, -1.25), Moved(99, 0.0, 0.0)))
    before, x_t = state_at(model, plain, t), state_at(model, source, t)
    assert x_t[3].tolist() == [0.5, -1.25]
    kept = [k for k in range(8) if k != 3]
    assert torch.equal(x_t[kept], before[kept])
    assert torch.equal(state_at(model, plain, t), before)  # what is kept was not written on
    found = states(model, source, t, 0.0)
    close(found.x_s[3], model.flow_map.jump(x_t[3:4], t, 0.0)[0], 1e-5)


@pytest.mark.parametrize("kind", ["noise", "data", "sample"])
@pytest.mark.parametrize("of", [None, FlowMatching()])
@pytest.mark.parametrize("t", [0.45, 1.0])
def test_a_moved_picture_has_its_noise_rolled(workspace, kind, of, t):
    model = picture_model(workspace, of=of)
    plain = Source(kind, 0, 4, sample=Sample() if kind == "sample" else None)
    source = replace(plain, moved=(Moved(2, 3.0, -1.0),))
    after, before = start(model, source).noise, start(model, plain).noise
    assert torch.equal(after[2], before[2].roll((-1, 3), (-2, -1)))
    x_t, still = state_at(model, source, t), state_at(model, plain, t)
    assert torch.equal(x_t[[0, 1, 3]], still[[0, 1, 3]])
    assert not torch.equal(x_t[2], still[2])
    if kind != "noise":
        close(x_t[2], (1 - t) * start(model, plain).data[2] + t * after[2], 1e-6)
    elif t == 1.0:
        assert torch.equal(x_t[2], after[2])
    whole_way = replace(plain, moved=(Moved(2, 16.0, -16.0),))
    close(state_at(model, whole_way, t), still, 1e-4)  # once around


def test_noise_on_the_way_is_still_that_of_its_sample(workspace):
    model = picture_model(workspace, of=endpoint_model(workspace).spec.method)
    plain = Source(count=4)
    unmoved = replace(plain, moved=(Moved(2, 0.0, 0.0),))
    close(state_at(model, unmoved, 0.4), state_at(model, plain, 0.4), 1e-5)


def test_the_others_are_not_computed_again(workspace):
    model = velocity_model(workspace)
    first, *later = (Source(count=32, moved=(Moved(1, x, 0.0),)) for x in (0.1, 0.2, 0.3))
    state_at(model, first, 0.2)
    model.network.asked = 0
    for source in later:
        state_at(model, source, 0.2)
    assert model.network.asked == 0


@pytest.mark.parametrize(
    ("moved", "words"),
    [(Moved(-1, 0.0, 0.0), "numbered from 0"), (Moved(0, math.nan, 0.0), "numbers up to")],
)
def test_what_cannot_be_moved_is_refused(workspace, moved, words):
    with pytest.raises(UserError, match=words):
        states(exact_model(workspace), Source(count=4, moved=(moved,)), 0.5, 0.0)


def test_a_carried_picture_has_no_noise_to_move(workspace):
    source = Source("sample", 0, 2, sample=Sample(way="carried"), moved=(Moved(0, 1.0, 0.0),))
    with pytest.raises(UserError, match="no noise in it to move"):
        states(picture_model(workspace), source, 0.5, 0.0)


@few
@given(st.integers(-40, 40), st.integers(-40, 40))
def test_rolling_keeps_every_number(x, y):
    before = draw_noise(0, 2, SHAPE)
    after = rolled(before, (Moved(1, float(x), float(y)),))
    assert torch.equal(after[1].flatten(1).sort().values, before[1].flatten(1).sort().values)


def test_a_fan_starts_from_one_noise_and_spreads_by_what_is_added(workspace):
    model, source = exact_model(workspace), Source(seed=3, count=64, fan=True)
    first = states(model, Source(seed=3, count=64), 1.0, 0.0).x_t[:1]
    still = states(model, source, 1.0, 0.0, 2, sampler=Sampler(gamma=0.0))
    assert torch.equal(still.x_t, first.expand_as(still.x_t))
    assert float(still.x_s.std(0).max()) < 1e-6
    spread = states(model, source, 1.0, 0.0, 2, sampler=Sampler(gamma=1.0))
    assert torch.equal(spread.x_t, still.x_t)
    assert float(spread.x_s.std(0).min()) > 0.1
    labelled = picture_model(workspace)
    label = start(labelled, Source(seed=3, count=9, fan=True)).label
    assert torch.equal(label, label[:1].expand_as(label))
