"""After a studio that died a person decides what is taken up; until then nothing is lost."""

import pytest

from engine.contract import messages as m
from studio.assembly import Studio
from studio.model.models import Models
from studio.view.window import Window

pytestmark = pytest.mark.gui


@pytest.fixture
def after_death(qtbot, qt_loop, theme, world, tmp_path):
    """The next studio after one that died on a run in the page Train; (window, studio, models)."""
    window, studio, models = begun_again(qtbot, theme, world, tmp_path)
    world.link.open()
    qtbot.waitUntil(lambda: bool(models.runs.runs))
    yield window, studio, models
    models.explore.stop_playing()
    studio.leaving.leave()


def begun_again(qtbot, theme, world, tmp_path):
    """The same, before the engine is there."""
    models = Models(world.link, tmp_path / "settings.ini")
    models.session.page, models.session.run = "Train", "old"
    world.add_run("old")
    window = Window(theme, models.session)
    qtbot.addWidget(window)
    window.show()
    studio = Studio(window, theme, models, died=True)
    models.engine.changed.connect(studio._on_engine)
    return window, studio, models


def answer(window, words):
    """Press a button of the question."""
    buttons = window.notices._shown["last-time"].buttons
    next(button for button in buttons if button.text() == words).click()


def test_nothing_is_taken_up_and_nothing_overwritten_before_an_answer(after_death, world, qtbot):
    window, studio, models = after_death
    assert "did not close properly" in window.notices.texts()["last-time"]
    qtbot.waitUntil(lambda: studio._taking_up.done())
    assert models.runs.current is None
    assert window.page_title() == "Explore"
    assert not world.link.of(m.ReadJournal)
    studio.remember()
    assert (models.session.page, models.session.run) == ("Train", "old")


def test_to_take_up_is_to_be_where_one_was(after_death, qtbot):
    window, studio, models = after_death
    answer(window, "Take up where you were")
    qtbot.waitUntil(lambda: models.runs.current is not None)
    assert models.runs.current.name == "old"
    assert window.page_title() == "Train"
    assert "last-time" not in window.notices.texts()
    assert not studio.last_time.asking


def test_an_answer_before_the_engine_is_ready_is_kept(qtbot, qt_loop, theme, world, tmp_path):
    window, studio, models = begun_again(qtbot, theme, world, tmp_path)
    answer(window, "Take up where you were")
    qtbot.wait(10)
    world.link.open()
    qtbot.waitUntil(lambda: models.runs.current is not None)
    assert models.runs.current.name == "old"
    studio.leaving.leave()


def test_a_window_that_is_closed_unanswered_overwrites_nothing(after_death):
    window, _, models = after_death
    window.close()
    assert (models.session.page, models.session.run) == ("Train", "old")


def test_to_start_fresh_is_to_forget_it(after_death, qtbot):
    window, studio, models = after_death
    answer(window, "Start fresh")
    assert "last-time" not in window.notices.texts()
    assert models.runs.current is None
    studio.remember()
    assert models.session.page == "Explore"


def test_a_report_is_no_answer(after_death, qtbot, monkeypatch):
    window, studio, _ = after_death
    asked = []
    monkeypatch.setattr(studio.last_time, "_report", lambda: asked.append(True))
    answer(window, "Report")
    assert asked == [True]
    assert "last-time" in window.notices.texts()
    assert studio.last_time.asking
