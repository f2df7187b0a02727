"""Marks on the raster: as much colour as there is mark, where the mark is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtGui import QColor

from studio.view.widgets.raster import Raster, disc, ring, shades_of

pytestmark = pytest.mark.gui
few = settings(max_examples=40, deadline=None)
WHITE = QColor("white")
inner = st.floats(12, 52, width=32)


def cover(raster):
    """The coverage of each visible pixel, 0 to 1."""
    image = raster.image
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    pixels = rows[:, : 4 * image.width()].reshape(image.height(), image.width(), 4)
    return pixels[..., 3] / 255


@pytest.mark.parametrize("radius", [0.5, 1.0, 2.1, 4.0])
@few
@given(x=inner, y=inner)
def test_a_disc_covers_its_area_around_its_place(radius, x, y):
    raster = Raster(64, 64)
    raster.draw(np.array([[x, y]], np.float32), disc(radius), WHITE)
    found = cover(raster)
    soft = np.pi * (radius**2 + 1 / 12)  # of a disc whose edge falls over one pixel
    assert found.sum() == pytest.approx(soft, rel=0.1)
    rows, columns = np.mgrid[:64, :64] + 0.5
    assert (found * columns).sum() / found.sum() == pytest.approx(x, abs=0.25)
    assert (found * rows).sum() / found.sum() == pytest.approx(y, abs=0.25)


def test_marks_apart_add_up_and_marks_on_each_other_do_not():
    raster, stamp = Raster(200, 40), disc(2.1)
    raster.draw(np.array([[20.5, 20.5]], np.float32), stamp, WHITE)
    one = cover(raster).sum()
    raster.draw(np.array([[x + 0.5, 20.5] for x in range(20, 190, 10)], np.float32), stamp, WHITE)
    assert cover(raster).sum() == pytest.approx(17 * one)
    raster.draw(np.full((9, 2), 20.5, np.float32), stamp, WHITE)
    assert cover(raster).sum() == pytest.approx(one)


def test_a_ring_is_hollow():
    raster = Raster(64, 64)
    raster.draw(np.array([[32.5, 32.5]], np.float32), ring(5, 1.2), WHITE)
    found = cover(raster)
    assert found[32, 32] == 0
    assert found[32, 27] > 0.9
    assert found[32, 37] > 0.9


def test_a_layer_is_no_more_opaque_than_its_colour():
    raster, faint = Raster(64, 64), QColor(255, 0, 0, 100)
    raster.draw(np.full((50, 2), 30.0, np.float32), disc(3), faint)
    assert round(cover(raster).max() * 255) == 100


@few
@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1, max_size=20))
def test_marks_anywhere_do_no_harm(places):
    raster = Raster(50, 30)
    raster.draw(np.array(places, np.float32), disc(2), WHITE)
    raster.draw_density(np.array(places, np.float32), WHITE)


def test_marks_that_are_not_numbers_are_left_out():
    raster = Raster(64, 64)
    raster.draw(np.array([[np.nan, 5], [np.inf, 5], [5, -np.inf]], np.float32), disc(2), WHITE)
    assert not cover(raster).any()


def test_half_of_a_mark_on_the_border_is_seen():
    raster = Raster(64, 64)
    raster.draw(np.array([[0, 32.5]], np.float32), disc(4), WHITE)
    assert cover(raster).sum() == pytest.approx(np.pi * 16 / 2, rel=0.1)


def test_a_density_counts_points_in_each_pixel():
    raster = Raster(8, 8)
    raster.draw_density(np.array([[2.2, 3.7], [2.9, 3.1], [6.5, 0.5]], np.float32), WHITE)
    found = cover(raster)
    assert np.argwhere(found).tolist() == [[0, 6], [3, 2]]
    assert found[0, 6] == pytest.approx(0.5, abs=0.01)
    assert found[3, 2] == pytest.approx(0.75, abs=0.01)


@few
@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_shades_rise_with_coverage_and_end_in_the_colour(red, green, blue, alpha):
    shades = shades_of(QColor(red, green, blue, alpha))
    assert (np.diff(shades.astype(np.int64)) >= 0).all()
    assert shades[0] == 0
    assert shades[-1] >> 24 == alpha
    assert ((shades >> 16 & 255) <= shades >> 24).all()
