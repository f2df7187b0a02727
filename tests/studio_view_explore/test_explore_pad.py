"""The pad, the sliders and the source: every way to move moves the one model."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from staged_explore import LABELS, PICTURES, POINTS

from studio.view.explore.pad import TimePad
from studio.view.explore.times import settled
from studio.view.explore.where_card import WhereCard

pytestmark = pytest.mark.gui
LEFT = Qt.MouseButton.LeftButton
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def pad(qtbot, explore, maps, theme):
    made = TimePad(explore, maps, theme)
    qtbot.addWidget(made)
    made.resize(300, 300)
    made.show()
    qtbot.waitExposed(made)
    return made


@pytest.fixture
def where(qtbot, explore, maps, theme):
    made = WhereCard(explore, maps, theme)
    qtbot.addWidget(made)
    made.resize(306, 720)
    made.show()
    qtbot.waitExposed(made)
    return made


def pixel(pad, t, s):
    return pad.geometry_of_times.pixel(t, s).toPoint()


def turn(widget, place, notches, modifiers=Qt.KeyboardModifier.NoModifier):
    event = QWheelEvent(
        QPointF(place),
        QPointF(widget.mapToGlobal(place)),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)


def test_a_press_takes_the_handle_there_and_a_drag_moves_it(pad, explore):
    QTest.mousePress(pad, LEFT, pos=pixel(pad, 0.8, 0.3))
    assert (explore.t, explore.s) == pytest.approx((0.8, 0.3), abs=0.005)
    QTest.mouseMove(pad, pixel(pad, 0.5, 0.1))
    QTest.mouseRelease(pad, LEFT, pos=pixel(pad, 0.5, 0.1))
    assert (explore.t, explore.s) == pytest.approx((0.5, 0.1), abs=0.005)
    QTest.mouseMove(pad, pixel(pad, 0.9, 0.4))
    assert (explore.t, explore.s) == pytest.approx((0.5, 0.1), abs=0.005)


def test_beyond_the_square_lies_its_edge(pad, explore):
    QTest.mousePress(pad, LEFT, pos=pixel(pad, 0.5, 0.3))
    QTest.mouseMove(pad, QPoint(2000, 2000))
    assert (explore.t, explore.s) == (1.0, 0.0)
    QTest.mouseRelease(pad, LEFT, pos=QPoint(10, 10))


def test_a_double_click_is_one_step_sampling(pad, explore):
    explore.set_times(0.4, 0.2)
    QTest.mouseDClick(pad, LEFT, pos=pixel(pad, 0.6, 0.4))
    QTest.mouseRelease(pad, LEFT, pos=pixel(pad, 0.6, 0.4))
    assert (explore.t, explore.s) == (1.0, 0.0)


def test_other_buttons_move_nothing(pad, explore):
    explore.set_times(0.4, 0.2)
    QTest.mouseClick(pad, Qt.MouseButton.RightButton, pos=pixel(pad, 0.6, 0.4))
    assert (explore.t, explore.s) == (0.4, 0.2)


@pytest.mark.parametrize(
    ("key", "t", "s"),
    [
        (Qt.Key.Key_Left, -1, 0),
        (Qt.Key.Key_Right, 1, 0),
        (Qt.Key.Key_Up, 0, 1),
        (Qt.Key.Key_Down, 0, -1),
    ],
)
def test_arrow_keys_move_a_hundredth_and_with_shift_a_tenth(pad, explore, key, t, s):
    explore.set_times(0.5, 0.3)
    QTest.keyClick(pad, key)
    assert (explore.t, explore.s) == (settled(0.5 + t / 100), settled(0.3 + s / 100))
    explore.set_times(0.5, 0.3)
    QTest.keyClick(pad, key, SHIFT)
    assert (explore.t, explore.s) == (settled(0.5 + t / 10), settled(0.3 + s / 10))


def test_the_wheel_moves_s_and_with_shift_t(pad, explore):
    explore.set_times(0.5, 0.3)
    turn(pad, QPoint(100, 100), 3)
    assert (explore.t, explore.s) == (0.5, 0.33)
    turn(pad, QPoint(100, 100), -2, SHIFT)
    assert (explore.t, explore.s) == (0.48, 0.33)


same_pad = [HealthCheck.function_scoped_fixture]


@settings(max_examples=30, suppress_health_check=same_pad, deadline=None)
@given(st.lists(st.sampled_from("LRUDlrud"), max_size=40))
def test_whatever_keys_are_pressed_the_times_stay_times(pad, explore, keys):
    codes = dict(zip("LRUD", (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down),
                     strict=True))  # fmt: skip
    for key in keys:
        shift = SHIFT if key.isupper() else Qt.KeyboardModifier.NoModifier
        QTest.keyClick(pad, codes[key.upper()], shift)
        assert 0 <= explore.s <= 1
        assert (explore.t, explore.s) == (settled(explore.t), settled(explore.s))


def test_what_lies_outside_the_triangle_is_marked(pad, explore):
    explore.set_times(0.5, 0.3)
    inside = pad.grab().toImage().pixelColor(pixel(pad, 0.5, 0.3))
    assert "outside" not in pad.accessibleDescription()
    explore.set_times(0.3, 0.5)
    outside = pad.grab().toImage().pixelColor(pixel(pad, 0.3, 0.5))
    assert "outside the trained triangle" in pad.accessibleDescription()
    assert inside.name() == pad._theme.tokens.accent
    assert outside.name() == pad._theme.tokens.card  # hollow, not by colour alone


def test_the_line_tells_of_the_place_under_the_cursor(pad, explore):
    told = []
    pad.told.connect(told.append)
    explore.set_times(1.0, 0.0)
    assert told[-1] == "all the way from noise to data"
    QTest.mouseMove(pad, pixel(pad, 0.5, 0.8))
    assert told[-1].endswith("outside the trained triangle")
    QApplication.sendEvent(pad, QEvent(QEvent.Type.Leave))
    assert told[-1] == "all the way from noise to data"


def test_several_steps_are_drawn_as_several_jumps(pad, explore):
    explore.show(POINTS)
    explore.set_times(1.0, 0.0)
    single = pad.grab().toImage()
    explore.set_steps(4)
    place = pixel(pad, 0.75, 0.5)
    ladder = pad.grab().toImage()
    assert single.pixelColor(place) != ladder.pixelColor(place)
    assert ladder.pixelColor(place).name() == pad._theme.tokens.accent


def test_a_click_on_a_slider_jumps_to_the_place(where, explore):
    slider = where.t_row.slider
    QTest.mouseClick(slider, LEFT, pos=QPoint(slider.width() // 2, slider.height() // 2))
    assert explore.t == pytest.approx(0.5, abs=0.01)
    QTest.mousePress(slider, LEFT, pos=QPoint(slider.width() // 2, 10))
    QTest.mouseMove(slider, QPoint(slider.width() + 50, 10))
    QTest.mouseRelease(slider, LEFT, pos=QPoint(slider.width() + 50, 10))
    assert explore.t == 1.0


def test_numbers_set_times_and_times_set_numbers(where, explore):
    where.s_row.number.setValue(0.123)
    assert explore.s == 0.123
    explore.set_times(0.75, 0.25)
    assert where.t_row.number.text() == "0.750"
    assert where.t_row.slider.value() == 750
    assert where.t_row.sigma.text() == "σ = 3"
    explore.set_times(1.0, 0.25)
    assert where.t_row.sigma.text() == "σ = ∞"


def test_showing_a_time_does_not_round_the_models_own(where, explore):
    explore.set_times(0.123456, 0.0)
    assert explore.t == 0.123456


def test_the_buttons_do_what_they_say(where, explore):
    explore.set_times(0.5, 0.2)
    explore.set_steps(8)
    where.one_step()
    assert (explore.t, explore.s, explore.steps) == (1.0, 0.0, 1)
    where.back_to_start()
    assert (explore.t, explore.s) == (1.0, 1.0)
    where.play.click()
    assert explore.playing
    assert where.play.accessibleName() == "Pause"
    where.play.click()
    assert not explore.playing


def test_taking_the_handle_stops_the_play(pad, explore):
    explore.play()
    QTest.mouseClick(pad, LEFT, pos=pixel(pad, 0.8, 0.3))
    assert not explore.playing


def test_steps_are_those_of_the_model(where, explore):
    where.steps.setValue(5)
    assert explore.steps == 5
    explore.set_steps(1)
    assert where.steps.text() == "1 step"


def test_seeds_go_on_back_and_anywhere(where, explore):
    source = where.source
    source.seed.setValue(7)
    assert explore.source.seed == 7
    source.new_seed()
    source.new_seed()
    assert explore.source.seed != 7
    source.past_seed()
    source.past_seed()
    assert explore.source.seed == 7
    source.past_seed()
    assert explore.source.seed == 7
    assert source.seed.value() == 7


def test_from_count_and_label_make_the_source(where, explore):
    source = where.source
    explore.show(PICTURES)
    source.kinds["data"].click()
    assert explore.source.kind == "data"
    source.count.setCurrentIndex(source.count.findData("36"))
    source.count.activated.emit(source.count.currentIndex())
    assert explore.source.count == 36
    assert source.labels.isVisibleTo(where)
    assert source.labels.count() == 1 + len(LABELS)
    source.labels.activated.emit(2)
    assert explore.source.label == 1
    assert source.labels.currentText() == LABELS[1]
    explore.show(POINTS)
    assert not source.labels.isVisibleTo(where)
    assert source.count.currentText().endswith("points")
