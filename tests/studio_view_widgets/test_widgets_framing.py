"""The window of a plane: it holds its points, and stays while it can."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.export.plot import Window
from studio.view.widgets.framing import framed, grid_step, nice_above

pytestmark = pytest.mark.gui
few = settings(max_examples=40, deadline=None)
middles = st.floats(-100, 100)
clouds = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).normal(size=(300, 2)).astype(np.float32)
)


@few
@given(clouds, st.floats(0.1, 50), middles)
def test_the_window_holds_nearly_all_points_and_then_stays(cloud, spread, middle):
    places = cloud * np.float32(spread) + np.float32(middle)
    window = framed(None, places)
    away = np.abs(places - (window.x, window.y)).max(1)
    assert (away <= window.half).mean() > 0.98
    assert framed(window, places) is window
    assert framed(window, places[:100] * np.float32(0.5) + np.float32(middle / 2)) is window


def test_a_window_that_lost_its_cloud_finds_it_again():
    cloud = np.random.default_rng(0).normal(size=(300, 2)).astype(np.float32)
    lost = framed(None, cloud * np.float32(1e6))
    assert framed(lost, cloud) == framed(None, cloud)


@few
@given(clouds, st.floats(4, 50))
def test_the_window_grows_with_its_cloud(cloud, factor):
    before = framed(None, cloud)
    after = framed(before, cloud * np.float32(factor))
    assert after.half > before.half
    assert after.x - after.half <= before.x - before.half + 1e-9
    assert after.x + after.half >= before.x + before.half - 1e-9


def test_points_that_are_not_numbers_frame_nothing():
    assert framed(None, np.full((5, 2), np.nan, np.float32)) is None
    window = Window(0, 0, 1)
    assert framed(window, np.full((5, 2), np.inf, np.float32)) is window


def test_one_point_has_a_window():
    window = framed(None, np.array([[3.0, 4.0]], np.float32))
    assert (window.x, window.y) == (3.0, 4.0)
    assert window.half > 0


@few
@given(st.floats(1e-6, 1e6))
def test_round_numbers_are_not_far(value):
    assert value * (1 - 1e-8) <= nice_above(value) <= value * 1.2501 * (1.28 / 1.25)
    assert value / grid_step(value) * (1 + 1e-9) >= 2
    assert value / grid_step(value) <= 10
