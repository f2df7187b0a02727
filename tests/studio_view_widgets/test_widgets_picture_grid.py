"""A grid of pictures: every picture in its tile, every pixel a square."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest

from studio.view.widgets.picture_geometry import PictureGeometry
from studio.view.widgets.picture_grid import Pick, PictureGrid, tile_centre

pytestmark = pytest.mark.gui
few = settings(max_examples=40, deadline=None)
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


@pytest.fixture
def pick(qapp):
    return Pick()


@pytest.fixture
def grid(qtbot, theme, pick):
    made = PictureGrid("xₛ", pick, theme)
    qtbot.addWidget(made)
    made.resize(400, 400)
    made.show()
    qtbot.waitExposed(made)
    return made


def own_colours(count, channels=3):
    """Pictures of one colour each, no two alike."""
    made = np.zeros((count, 16, 16, channels), np.uint8)
    for index in range(count):
        made[index] = [index * 3 + 10, 255 - index * 3, index * 7 % 256][:channels]
    return made


@pytest.mark.parametrize("count", [1, 4, 16, 36, 64])
def test_picture_i_is_painted_where_picture_i_belongs(grid, count):
    pictures = own_colours(count)
    grid.show_pictures(pictures)
    shot = grid.grab().toImage()
    for index in range(count):
        colour = shot.pixelColor(tile_centre(grid, index).toPoint())
        assert colour.getRgb()[:3] == tuple(pictures[index, 0, 0])
        assert grid.tiles.index(tile_centre(grid, index)) == index


def test_each_pixel_of_a_picture_is_a_square_of_its_colour(grid):
    pictures = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), np.uint8)
    grid.show_pictures(pictures)
    shot = grid.grab().toImage()
    rect, pixel = grid.tiles.rect(2), grid.tiles.tile / 16
    for row in range(1, 15):
        for column in range(1, 15):
            x = round(rect.left() + (column + 0.5) * pixel - 0.5)
            y = round(rect.top() + (row + 0.5) * pixel - 0.5)
            assert shot.pixelColor(x, y).getRgb()[:3] == tuple(pictures[2, row, column])


def test_grey_pictures_are_grey(grid):
    grid.show_pictures(np.full((1, 28, 28, 1), 77, np.uint8))
    colour = grid.grab().toImage().pixelColor(tile_centre(grid, 0).toPoint())
    assert colour.getRgb()[:3] == (77, 77, 77)


def test_new_pictures_replace_the_old_ones(grid):
    grid.show_pictures(own_colours(16))
    grid.show_pictures(own_colours(16)[::-1])
    colour = grid.grab().toImage().pixelColor(tile_centre(grid, 0).toPoint())
    assert colour.getRgb()[:3] == tuple(own_colours(16)[15, 0, 0])
    grid.show_pictures(own_colours(4))
    assert grid.tiles.count == 4


def test_keys_and_clicks_choose_a_picture(grid, pick):
    grid.show_pictures(own_colours(16))
    QTest.mouseClick(grid, Qt.MouseButton.LeftButton, pos=tile_centre(grid, 5).toPoint())
    assert pick.chosen == 5
    QTest.keyClick(grid, Qt.Key.Key_Right)
    QTest.keyClick(grid, Qt.Key.Key_Down)
    assert pick.chosen == 10
    assert grid.accessibleDescription() == "picture 11 of 16 is chosen"
    for _ in range(9):
        QTest.keyClick(grid, Qt.Key.Key_Down)
    assert pick.chosen == 14
