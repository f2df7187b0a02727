"""The card of the film: a handle over the kept steps, moved by mouse, keys and wheel."""

import pytest
from fake_world import FakeWorld
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from studio.model.explore_model import ExploreModel
from studio.model.film_model import FilmModel
from studio.model.runs_model import RunsModel
from studio.model.tasks import spawn
from studio.view.explore.film_card import FilmCard

pytestmark = pytest.mark.gui
TIMEOUT = 10_000


@pytest.fixture
def card(qtbot, theme, qt_loop):
    """A card over a run of four kept steps."""
    world = FakeWorld()
    runs, explore = RunsModel(world.link), ExploreModel(world.link)
    film = FilmModel(world.link, explore, runs)
    made = FilmCard(film, theme)
    qtbot.addWidget(made)
    made.resize(600, 120)
    assert made.isHidden()
    world.add_run("a")
    for _ in range(4):
        world.train("a", 100)
    world.link.open()
    spawn(runs.refresh())
    spawn(explore.open("a"))
    qtbot.waitUntil(lambda: len(film.steps) == 4 and film.step == 400, timeout=TIMEOUT)
    made.show()
    qtbot.waitExposed(made)
    made.film = film
    return made


def test_it_is_shown_for_a_run_and_says_where_it_stands(card):
    assert card.told.text() == "step 400 of 4,000"
    assert card.strip.accessibleDescription() == "step 400"


def test_a_press_and_a_drag_choose_the_nearest_step(qtbot, card):
    strip = card.strip
    QTest.mousePress(strip, Qt.MouseButton.LeftButton, pos=QPoint(round(strip.place(210)), 50))
    qtbot.waitUntil(lambda: card.film.step == 200, timeout=TIMEOUT)
    QTest.mouseMove(strip, QPoint(2, 50))
    QTest.mouseRelease(strip, Qt.MouseButton.LeftButton, pos=QPoint(2, 50))
    qtbot.waitUntil(lambda: card.told.text() == "step 100 of 4,000", timeout=TIMEOUT)


def test_keys_move_the_handle(qtbot, card):
    for key, step in ((Qt.Key.Key_Left, 300), (Qt.Key.Key_Home, 100), (Qt.Key.Key_End, 400)):
        QTest.keyClick(card.strip, key)
        qtbot.waitUntil(lambda step=step: card.film.step == step, timeout=TIMEOUT)


def test_steps_lie_in_order_and_within(card):
    places = [card.strip.place(step) for step in card.film.steps]
    assert places == sorted(places)
    assert 0 < places[0] < places[-1] < card.strip.width()
    assert [card.strip.step_at(place) for place in places] == [100, 200, 300, 400]


def test_the_curve_is_drawn_within_the_strip(qtbot, card):
    qtbot.waitUntil(lambda: len(card.strip._curve()) > 2, timeout=TIMEOUT)
    box = card.strip._curve().boundingRect()
    assert card.strip.rect().toRectF().contains(box)
    assert box.height() > 10


def test_the_other_button_forks_where_the_handle_stands(qtbot, card):
    made = []
    card.film.forked.connect(made.append)
    card.film.show(200)
    qtbot.waitUntil(lambda: card.film.step == 200, timeout=TIMEOUT)
    QTest.mouseClick(card.fork, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(made), timeout=TIMEOUT)
    assert [spec.start for spec in made] == ["a@200"]


def test_the_button_plays_and_stops(qtbot, card):
    QTest.mouseClick(card.play, Qt.MouseButton.LeftButton)
    assert card.film.playing
    QTest.mouseClick(card.play, Qt.MouseButton.LeftButton)
    assert not card.film.playing
