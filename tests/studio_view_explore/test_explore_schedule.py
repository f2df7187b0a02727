"""The zig-zag of several steps: its handles by mouse and keys, and where new noise begins."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from engine.contract.messages import Sampler
from engine.flow.renoise import below
from studio.view.explore.schedule_card import landing

pytestmark = pytest.mark.gui


@pytest.fixture
def part(points):
    """The part on the page, with four steps."""
    points.explore.set_steps(4)
    points.resize(1280, 900)
    return points.schedule


def dragged(strip, start, end):
    QTest.mousePress(strip, Qt.MouseButton.LeftButton, pos=start)
    QTest.mouseMove(strip, end)
    QTest.mouseRelease(strip, Qt.MouseButton.LeftButton, pos=end)


def test_it_is_there_for_several_steps_alone(points, qtbot):
    assert not points.schedule.isVisibleTo(points)
    points.explore.set_steps(2)
    qtbot.waitUntil(lambda: points.schedule.isVisibleTo(points), timeout=5000)
    points.explore.set_steps(100)
    qtbot.waitUntil(lambda: not points.schedule.isVisibleTo(points), timeout=5000)


def test_a_handle_follows_the_mouse(part, points, qtbot):
    strip = part.strip
    qtbot.waitUntil(lambda: strip.isVisible() and strip.height() > 50, timeout=5000)
    assert strip.times == [1.0, 0.75, 0.5, 0.25, 0.0]
    start = strip.place(0.5, 2).toPoint()
    dragged(strip, start, QPoint(strip.place(0.6, 2).toPoint().x(), start.y()))
    assert strip.times[2] == pytest.approx(0.6, abs=0.01)
    assert points.explore.way.times == pytest.approx(tuple(strip.times[1:-1]))
    QTest.mouseDClick(strip, Qt.MouseButton.LeftButton, pos=start)
    assert points.explore.shares == ()


def test_what_lies_beside_a_handle_moves_nothing(part, points, qtbot):
    strip = part.strip
    qtbot.waitUntil(lambda: strip.isVisible() and strip.height() > 50, timeout=5000)
    dragged(strip, strip.place(0.9, 4).toPoint(), strip.place(0.1, 4).toPoint())
    assert points.explore.shares == ()


def test_keys_choose_and_move(part, qtbot):
    strip = part.strip
    qtbot.waitUntil(strip.isVisible, timeout=5000)
    strip.setFocus()
    QTest.keyClick(strip, Qt.Key.Key_Down)
    QTest.keyClick(strip, Qt.Key.Key_Right)
    assert strip.times == pytest.approx([1.0, 0.75, 0.51, 0.25, 0.0])
    QTest.keyClick(strip, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert strip.times == pytest.approx([1.0, 0.75, 0.46, 0.25, 0.0])
    QTest.keyClick(strip, Qt.Key.Key_Up)
    QTest.keyClick(strip, Qt.Key.Key_Right)
    assert strip.times[1] == pytest.approx(0.76)
    assert "0.760" in strip.accessibleDescription()


@pytest.mark.parametrize("gamma", [0.0, 0.3, 0.8, 1.0])
@pytest.mark.parametrize("s", [0.0, 0.2, 0.7])
def test_noise_begins_where_the_engine_lands(s, gamma):
    assert landing(s, gamma) == pytest.approx(below(s, gamma))


def test_new_noise_is_drawn(part, points, qtbot):
    strip = part.strip
    qtbot.waitUntil(lambda: strip.isVisible() and strip.height() > 50, timeout=5000)
    plain = strip.grab().toImage()
    points.explore.set_sampler(Sampler(gamma=0.9))
    assert strip.grab().toImage() != plain


def test_the_list_says_whose_times_they_are(part, points):
    times = points.where.sampler.times
    assert times.key() == "even"
    part.strip._schedule.move(0, 0.1)
    assert times.currentText() == "as you set them"
    times.setCurrentIndex(0)
    times.activated.emit(0)
    assert (points.explore.shares, times.key(), times.count()) == ((), "even", 2)
