"""Dyadic jumps are composed of learned steps and nothing else, as far as the grid allows."""

from itertools import pairwise

import pytest
import torch
from flow_support import GAUSSIAN, Exact, points
from hypothesis import given
from hypothesis import strategies as st

from engine.contract.catalogue import Grid
from engine.contract.legality import is_outside, is_step, ladder, on_grid, snapped
from engine.flow.base import Unknown
from engine.flow.dyadic import Distilled, Dyadic

GRID = 128
places = st.integers(0, GRID)


@given(places, places, st.integers(1, 200))
def test_on_the_grid_a_ladder_has_learned_rungs_only(one: int, other: int, steps: int) -> None:
    t, s = max(one, other) / GRID, min(one, other) / GRID
    times = ladder(t, s, steps)
    assert (times[0], times[-1]) == (t, s)
    if t > s:
        assert all(is_step(*rung) for rung in pairwise(times))
        longest = max((t - s) / steps, 1 / GRID)
        assert all(t - s <= longest + 1e-9 for t, s in pairwise(times))
    assert not is_outside("dyadic", t, s) or s > t


@given(places, places)
def test_a_ladder_is_as_short_as_can_be(one: int, other: int) -> None:
    """Against the shortest of all ways, found by trying every learned step from every place."""
    t, s = max(one, other), min(one, other)
    fewest = {s: 0}
    for place in range(s + 1, t + 1):
        sizes = [1 << k for k in range(8) if place % (1 << k) == 0 and place - (1 << k) >= s]
        fewest[place] = 1 + min(fewest[place - size] for size in sizes)
    if t > s:
        assert len(ladder(t / GRID, s / GRID)) - 1 == fewest[t] <= 14


@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 20))
def test_beside_the_grid_only_the_ends_are_unlearned_and_it_is_told(
    one: float, other: float, steps: int
) -> None:
    t, s = max(one, other), min(one, other)
    times = ladder(t, s, steps)
    assert (times[0], times[-1]) == (t, s)
    assert times == sorted(times, reverse=True)
    if not (on_grid(t) and on_grid(s)) and t > s:
        assert is_outside("dyadic", t, s)
    if t - s > 2 / GRID:
        assert all(is_step(*rung) for rung in list(pairwise(times))[1:-1])


@pytest.mark.parametrize("k", range(8))
def test_a_power_of_two_of_steps_is_as_many_evaluations(k: int) -> None:
    network = Exact()
    found = Dyadic(network).jump(points(), 1.0, 0.0, steps=2**k)
    torch.testing.assert_close(found, GAUSSIAN.jump(points(), 1.0, 0.0), rtol=0, atol=1e-10)
    assert len(network.calls) == 2**k == Dyadic(network).nfe(1.0, 0.0, 2**k)
    assert {float(t[0] - s[0]) for t, s, _ in network.calls} == {1 / 2**k}


def test_jumps_compose_through_any_place_on_the_grid() -> None:
    model, t, s = Dyadic(Exact()), 100 / GRID, 37 / GRID
    whole = model.jump(points(), t, s)
    torch.testing.assert_close(whole, GAUSSIAN.jump(points(), t, s), rtol=0, atol=1e-10)
    for place in (38, 64, 99):
        half = model.jump(points(), t, place / GRID)
        torch.testing.assert_close(model.jump(half, place / GRID, s), whole, rtol=0, atol=1e-10)


def test_the_network_is_asked_for_learned_steps_only() -> None:
    network = Exact()
    Dyadic(network).jump(points(), 100 / GRID, 37 / GRID, torch.zeros(20, dtype=torch.int64))
    assert all(is_step(float(t[0]), float(s[0])) for t, s, _ in network.calls)
    assert all(label is not None for *_, label in network.calls)


def test_samples_with_times_of_their_own_go_their_own_ways() -> None:
    t = torch.tensor([1.0, 0.75, 0.75, 0.5], dtype=torch.float64)
    s = torch.tensor([0.0, 0.125, 0.75, 0.25], dtype=torch.float64)
    network, x = Exact(), points(4)
    model = Dyadic(network)
    found = model.jump(x, t, s)
    torch.testing.assert_close(found, GAUSSIAN.jump(x, t, s), rtol=0, atol=1e-10)
    assert found[2].equal(x[2])
    assert model.nfe(t, s, 1) == 3  # 0.75 to 0.125 over 0.5 and 0.25
    one = torch.float32
    assert model.jump(x.to(one), t.to(one), s.to(one)).dtype == one


def test_a_finer_grid_has_finer_steps() -> None:
    network = Exact()
    Dyadic(network, Grid(4)).jump(points(), 0.75, 0.25)
    assert [(float(t[0]), float(s[0])) for t, s, _ in network.calls] == [(0.75, 0.5), (0.5, 0.25)]


def test_u_is_known_for_learned_steps_and_v_by_the_smallest() -> None:
    model = Dyadic(Exact())
    right = (points() - GAUSSIAN.jump(points(), 0.75, 0.5)) / 0.25
    torch.testing.assert_close(model.u(points(), 0.75, 0.5), right, rtol=0, atol=1e-10)
    network = Exact()
    Dyadic(network).v(points(), 0.75)
    assert [(float(t[0]), float(s[0])) for t, s, _ in network.calls] == [(0.75, 0.75 - 1 / GRID)]
    assert model.u(points(), 0.5, 0.5).equal(model.v(points(), 0.5))
    for t, s in ((0.75, 0.25), (0.5, 0.75), (0.3, 0.2), (0.5, 0.4999)):
        with pytest.raises(Unknown, match="none of them"):
            model.u(points(), t, s)
    for t in (0.3, 0.0):
        with pytest.raises(Unknown, match="none of them"):
            model.v(points(), t)


def test_towards_noise_nothing_is_learned() -> None:
    assert is_outside("dyadic", 0.25, 0.75)
    found = Dyadic(Exact()).jump(points(), 0.25, 0.75)
    torch.testing.assert_close(found, GAUSSIAN.jump(points(), 0.25, 0.75), rtol=0, atol=1e-10)


@given(st.floats(0, 1))
def test_snapping_is_onto_the_nearest_place(time: float) -> None:
    assert on_grid(snapped(time))
    assert abs(snapped(time) - time) <= 0.5 / GRID + 1e-12


def test_no_steps_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one step"):
        Dyadic(Exact()).jump(points(), 1.0, 0.0, steps=0)


def test_a_distilled_model_knows_one_length_of_step_and_is_asked_where_it_starts() -> None:
    network = Exact()
    model = Distilled(lambda x, t, s, label: network(x, t, s - 0.25, label), Grid(4, 1))
    found = model.jump(points(), 1.0, 0.25)
    torch.testing.assert_close(found, GAUSSIAN.jump(points(), 1.0, 0.25), rtol=0, atol=1e-10)
    assert [float(t[0]) for t, _, _ in network.calls] == [1.0, 0.75, 0.5]
    assert model.nfe(1.0, 0.0, 1) == model.nfe(1.0, 0.0, 2) == 4
    assert is_step(0.5, 0.25, Grid(4, 1))
    assert not is_step(0.5, 0.0, Grid(4, 1))
    with pytest.raises(Unknown, match="none of them"):
        model.u(points(), 0.5, 0.0)
    with pytest.raises(Unknown, match="no velocity"):
        model.v(points(), 0.5)
