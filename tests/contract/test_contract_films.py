"""Where a scrub goes."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contract.catalogue import POINT_SETS, Grid, Model
from engine.contract.films import Film, along, places

MAP = Model("m", "M", "meanflow", "flow map", POINT_SETS[0], 1, 0.99)
GRID = Model("m", "M", "shortcut", "dyadic", POINT_SETS[0], 1, 0.99, grid=Grid(8))
times = st.floats(0, 1, allow_subnormal=False)
paths = st.lists(st.tuples(times, times), min_size=2, max_size=5)


@given(paths, st.integers(2, 60))
def test_places_are_as_many_as_asked_and_the_ends_among_them(ends, count):
    found = along(ends, count)
    assert len(found) == count
    assert math.dist(found[0], ends[0]) < 1e-9
    if any(a != b for a, b in pairwise(ends)):
        assert found[-1] == ends[-1]
    assert all(-1e-9 <= time <= 1 + 1e-9 for place in found for time in place)


@given(times, times, st.integers(3, 60))
def test_places_on_one_line_are_evenly_apart(t, s, count):
    gaps = [math.dist(a, b) for a, b in pairwise(along([(1, 1), (t, s)], count))]
    assert max(gaps) - min(gaps) < 1e-9


def test_corners_of_a_path_are_passed_in_order():
    found = along([(1, 1), (1, 0), (0.5, 0)], 7)
    wanted = [(1, 1), (1, 0.75), (1, 0.5), (1, 0.25), (1, 0), (0.75, 0), (0.5, 0)]
    np.testing.assert_allclose(found, wanted, atol=1e-12)


def test_a_scrub_moves_s_from_t_as_the_play_button_does():
    found = places(Film("scrub", t=0.8, frames=5), MAP)
    wanted = [(0.8, 0.8), (0.8, 0.6), (0.8, 0.4), (0.8, 0.2), (0.8, 0)]
    np.testing.assert_allclose(found, wanted, atol=1e-12)


@pytest.mark.parametrize("frames", [8, 9, 48])
def test_back_again_shows_no_place_twice_in_a_row(frames):
    found = places(Film("scrub", frames=frames, back=True), MAP)
    assert abs(len(found) - frames) <= 1
    assert all(a != b for a, b in pairwise([*found, found[0]]))
    assert found[1:] == found[:0:-1]  # the same forwards and backwards


def test_a_dyadic_model_stays_on_its_grid():
    for t, s in places(Film("scrub", t=0.9, frames=20), GRID):
        assert (8 * t).is_integer()
        assert (8 * s).is_integer()
