"""Where things lie: laws of the pad, the grids and the plane."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPointF, QSizeF

from studio.export.plot import Window
from studio.view.explore.pad_geometry import PadGeometry
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
    assert "all the way" in meaning(*CORNER)  # in however many steps


@few
@given(st.floats(0, 0.999))
def test_the_noise_level_is_t_over_one_minus_t(t):
    assert float(sigma_text(t).removeprefix("σ = ")) == pytest.approx(t / (1 - t), rel=5.1e-3)
    assert sigma_text(1.0) == "σ = ∞"


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
