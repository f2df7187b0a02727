"""Where things lie: laws of the pad, the grids and the plane."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPointF, QSizeF

from studio.export.plot import Window
from studio.view.explore.framing import framed, grid_step, nice_above
from studio.view.explore.pad_geometry import PadGeometry
from studio.view.explore.picture_geometry import PictureGeometry
from studio.view.explore.plot_drawing import Plane
from studio.view.explore.times import CORNER, meaning, settled, sigma_text

pytestmark = pytest.mark.gui
few = settings(max_examples=40, deadline=None)
times = st.floats(0, 1).map(settled)
sides = st.floats(120, 2000)


@few
@given(times, times, sides, sides)
def test_a_jump_lies_where_its_pixel_says(t, s, width, height):
    place = PadGeometry.within(width, height)
    assert place.times(place.pixel(t, s)) == (t, s)


@few
@given(st.floats(-500, 2500), st.floats(-500, 2500), sides, sides)
def test_every_pixel_is_a_jump_within_the_square(x, y, width, height):
    place = PadGeometry.within(width, height)
    t, s = place.times(QPointF(x, y))
    assert 0 <= t <= 1
    assert 0 <= s <= 1
    if place.square.contains(QPointF(x, y)):
        back = place.pixel(t, s) - QPointF(x, y)
        assert max(abs(back.x()), abs(back.y())) <= 0.0006 * place.side + 1e-6


@few
@given(sides, sides)
def test_the_pad_is_a_square_inside_its_widget(width, height):
    square = PadGeometry.within(width, height).square
    assert square.width() == square.height()
    assert square.left() >= 0
    assert square.right() <= width + 1e-9
    assert square.bottom() <= height + 1e-9


@few
@given(times, times)
def test_the_trained_triangle_is_where_s_is_at_most_t(t, s):
    place = PadGeometry.within(400, 400)
    inside = place.triangle(trained=True).boundingRect().contains(place.pixel(t, s))
    assert inside
    assert ("outside" in meaning(t, s)) == (s > t)
    assert ("identity" in meaning(t, s)) == (s == t)


def test_t_grows_to_the_right_and_s_upwards():
    place = PadGeometry.within(300, 300)
    start = place.pixel(0, 0)
    assert place.pixel(1, 0).x() > start.x()
    assert place.pixel(1, 0).y() == start.y()
    assert place.pixel(0, 1).y() < start.y()
    assert "one jump" in meaning(*CORNER)


@few
@given(st.floats(0, 0.999))
def test_the_noise_level_is_t_over_one_minus_t(t):
    assert float(sigma_text(t).removeprefix("σ = ")) == pytest.approx(t / (1 - t), rel=5.1e-3)
    assert sigma_text(1.0) == "σ = ∞"


counts = st.sampled_from((1, 2, 4, 16, 36, 64))
pixels = st.sampled_from((8, 16, 28, 32, 64))


@few
@given(st.floats(100, 1500), st.floats(100, 1500), counts, pixels, st.sampled_from((1.0, 1.5, 2.0)))
def test_every_tile_is_hit_at_its_own_centre_and_lies_inside(width, height, count, size, ratio):
    tiles = PictureGeometry.within(width, height, count, size, ratio)
    for index in range(count):
        rect = tiles.rect(index)
        assert tiles.index(rect.center()) == index
        assert rect.left() >= -1
        assert rect.right() <= width + 1
        assert rect.top() >= -1
        assert rect.bottom() <= height + 1
    assert count % tiles.columns == 0
    assert tiles.index(QPointF(-1, -1)) == -1
    assert tiles.index(QPointF(width + 1, height + 1)) == -1


@few
@given(st.floats(100, 1500), st.floats(100, 1500), counts, pixels, st.sampled_from((1.0, 2.0)))
def test_large_tiles_are_whole_multiples_of_the_picture(width, height, count, size, ratio):
    tiles = PictureGeometry.within(width, height, count, size, ratio)
    scale = tiles.tile * ratio / size
    assert scale < 2 or scale == pytest.approx(round(scale))


def test_sixteen_pictures_are_four_by_four_in_a_square():
    assert PictureGeometry.within(400, 400, 16, 16).columns == 4


middles = st.floats(-100, 100)
halves = st.floats(0.01, 1000)


@few
@given(middles, middles, halves, st.floats(50, 900), st.floats(50, 900))
def test_the_plane_is_undone_by_its_place(x, y, half, width, height):
    plane = Plane(QSizeF(width, height), Window(x, y, half))
    pixel = plane.pixels(np.array([[x + half / 3, y - half / 5]], np.float32))[0]
    found = plane.place(QPointF(float(pixel[0]), float(pixel[1])))
    near = 1e-3 * max(half, abs(x), abs(y))
    assert found == pytest.approx((x + half / 3, y - half / 5), abs=near)


def test_the_plane_has_equal_axes_with_y_upwards():
    plane = Plane(QSizeF(300, 200), Window(0, 0, 2))
    middle, right, up = plane.pixels(np.array([[0, 0], [1, 0], [0, 1]], np.float32))
    assert tuple(middle) == (150, 100)
    assert right[0] - middle[0] == middle[1] - up[1] == 50


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
