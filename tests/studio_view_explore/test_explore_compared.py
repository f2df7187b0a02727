"""Two grids of pictures in one place: what each comparison shows, pixel by pixel."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint
from PySide6.QtTest import QTest

from engine.contract.messages import Source
from studio.model.states import States
from studio.theme.scales import VIRIDIS
from studio.view.explore.compared_grid import COMPARISONS, ComparedGrid, Comparing, composed
from studio.view.widgets.picture_grid import Pick

pytestmark = pytest.mark.gui


@pytest.fixture
def comparing(qtbot):
    found = Comparing()
    yield found
    found.choose("side")  # its clock stops


@pytest.fixture
def pair():
    drawn = np.random.default_rng(0)
    return tuple(drawn.integers(0, 256, (4, 8, 8, 3), np.uint8) for _ in range(2))


def states(pictures):
    return States(pictures, pictures, 1.0, 0.0, 1, 1.0, False, Source(count=len(pictures)), 1)


def test_nothing_apart_is_the_lower_end_and_everything_the_upper(comparing, pair):
    comparing.choose("difference")
    assert (composed(pair[0], pair[0], comparing) == VIRIDIS[0]).all()
    black, white = np.zeros_like(pair[0]), np.full_like(pair[0], 255)
    assert (composed(black, white, comparing) == VIRIDIS[-1]).all()
    half = composed(black, np.full_like(black, 64), comparing)
    assert (half == VIRIDIS[round(64 / 127.5 * 255)]).all()


def test_a_difference_is_the_same_both_ways(comparing, pair):
    comparing.choose("difference")
    assert np.array_equal(composed(*pair, comparing), composed(*pair[::-1], comparing))


@pytest.mark.parametrize(("place", "ours"), [(0.0, 0), (0.5, 4), (1.0, 8)])
def test_a_wipe_shows_ours_on_the_left_of_the_line(comparing, pair, place, ours):
    comparing.choose("wipe")
    comparing.wipe(place)
    shown = composed(*pair, comparing)
    assert np.array_equal(shown[:, :, :ours], pair[0][:, :, :ours])
    assert np.array_equal(shown[:, :, ours:], pair[1][:, :, ours:])


def test_flicker_shows_both_in_turn(qtbot, comparing, pair):
    comparing.choose("flicker")
    assert np.array_equal(composed(*pair, comparing), pair[1])
    with qtbot.waitSignal(comparing.changed, timeout=5000):
        pass
    assert np.array_equal(composed(*pair, comparing), pair[0])
    comparing.choose("side")
    with qtbot.assertNotEmitted(comparing.changed, wait=700):
        pass


def test_each_way_comes_in_turn(comparing):
    found = []
    for _ in COMPARISONS:
        comparing.next()
        found.append(comparing.how)
    assert found == [*list(COMPARISONS)[1:], "side"]


def test_the_line_follows_the_cursor_within_a_picture(qtbot, theme, comparing, pair):
    grid = ComparedGrid("x", Pick(), theme, comparing)
    qtbot.addWidget(grid)
    comparing.changed.connect(grid.compose)
    grid.resize(300, 300)
    grid.show()
    comparing.choose("wipe")
    grid.show_pair(states(pair[0]), states(pair[1]))
    before = grid.grab().toImage()
    rect = grid.tiles.rect(3)
    QTest.mouseMove(grid, QPoint(round(rect.left() + rect.width() / 4), round(rect.center().y())))
    qtbot.waitUntil(lambda: abs(comparing.place - 0.25) < 0.02, timeout=5000)
    assert grid.grab().toImage() != before


def test_other_shapes_are_shown_as_they_are(qtbot, theme, comparing, pair):
    grid = ComparedGrid("x", Pick(), theme, comparing)
    qtbot.addWidget(grid)
    comparing.choose("difference")
    grid.show_pair(states(pair[0][:2]), states(pair[1]))
    assert grid.tiles.count == 4
    grid.show_pair(states(pair[0]), None)
    assert grid.tiles.count == 0


def test_nothing_turns_while_nobody_looks(qtbot, comparing):
    comparing.choose("flicker")
    comparing.rest(True)
    with qtbot.assertNotEmitted(comparing.changed, wait=700):
        pass
    comparing.rest(False)
    with qtbot.waitSignal(comparing.changed, timeout=5000):
        pass
