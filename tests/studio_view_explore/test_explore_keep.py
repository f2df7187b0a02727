"""What is kept of a picture: chosen from a list, boxed by mouse and keys, and only where it can."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from staged_explore import PICTURES

from engine.contract.source import Sample, Source
from studio.view.explore.keep_form import _KEEPS

pytestmark = pytest.mark.gui


@pytest.fixture
def form(qt_loop, pictures):
    """The form on the page, with a picture as the source."""
    pictures.explore.set_source(Source("sample", count=4, sample=Sample(3)))
    return pictures.where.keep


def choose(form, key):
    row = list(_KEEPS).index(key)
    form.choice.setCurrentIndex(row)
    form.choice.activated.emit(row)


@pytest.mark.parametrize("key", _KEEPS)
def test_each_choice_is_what_the_sampler_keeps(form, pictures, key):
    choose(form, key)
    assert pictures.explore.sampler.keep == _KEEPS[key][1]
    assert form.choice.key() == key
    assert form.box.isVisibleTo(form) == (key == "outside")


def test_a_box_is_dragged_and_held_within_the_picture(form, pictures):
    choose(form, "outside")
    side = form.box.width()
    QTest.mousePress(form.box, Qt.MouseButton.LeftButton, pos=QPoint(side // 2, side // 4))
    QTest.mouseMove(form.box, QPoint(0, side * 2))
    QTest.mouseRelease(form.box, Qt.MouseButton.LeftButton, pos=QPoint(0, side * 2))
    assert pictures.explore.sampler.keep.box == pytest.approx((0, 0.25, 0.5, 1), abs=0.02)
    before = pictures.explore.sampler
    QTest.mouseMove(form.box, QPoint(side // 3, side // 3))
    assert pictures.explore.sampler == before  # the button is up


def test_keys_move_the_box_and_change_its_size(form, pictures):
    choose(form, "outside")
    QTest.keyClick(form.box, Qt.Key.Key_Right)
    assert pictures.explore.sampler.keep.box == (0.3125, 0.25, 0.8125, 0.75)
    QTest.keyClick(form.box, Qt.Key.Key_Up, Qt.KeyboardModifier.ShiftModifier)
    assert pictures.explore.sampler.keep.box == (0.3125, 0.25, 0.8125, 0.6875)
    for _ in range(40):
        QTest.keyClick(form.box, Qt.Key.Key_Down)
        QTest.keyClick(form.box, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    left, top, right, bottom = pictures.explore.sampler.keep.box
    assert bottom == pytest.approx(1.0)
    assert 0 < right - left < 0.1
    assert top == pytest.approx(1 - 0.4375)


def test_it_is_there_where_something_can_be_kept(form, pictures, points):
    from msgspec import structs

    explore = pictures.explore
    assert not form.isVisibleTo(pictures)  # points
    explore.show(PICTURES)
    explore.set_source(Source("data", count=4))
    assert form.isVisibleTo(pictures)
    explore.show(structs.replace(PICTURES, capability="velocity"))
    assert not form.isVisibleTo(pictures)
    explore.show(PICTURES)
    explore.set_source(Source(count=4))
    assert not form.isVisibleTo(pictures)


def test_new_noise_is_not_chosen_where_all_of_it_is_new(form, pictures):
    sampler = pictures.where.sampler
    assert "Noise γ" in sampler.offered()
    choose(form, "brightness")
    assert "Noise γ" not in sampler.offered()
