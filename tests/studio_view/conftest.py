"""A whole studio on a made-up engine, for the tests of the window and the Train page."""

import contextlib
from dataclasses import dataclass

import pytest
from fake_world import FakeWorld
from PySide6.QtCore import QEvent
from studio_fixtures import no_leaks, qt_loop

from studio.assembly import Studio
from studio.model.models import Models
from studio.theme.theme import Theme
from studio.view.window import Window

__all__ = ["no_leaks", "qt_loop"]


@dataclass
class Stage:
    """The studio under test and the world that it believes in."""

    window: Window
    studio: Studio
    world: FakeWorld
    models: Models

    def act(self, name):
        """The action called `name`."""
        return self.window.actions_[name]

    def notices(self):
        """The sentences over the page, by key."""
        return self.window.notices.texts()


@pytest.fixture
def theme(qapp):
    """A dark theme of the test's own, which the application does not wear: dressing takes time."""
    return Theme("dark")


@pytest.fixture
def dressed(theme, qapp):
    """The theme, worn by the application."""
    theme.apply(qapp)
    yield theme
    qapp.setStyleSheet("")


@pytest.fixture(autouse=True)
def _bury_widgets(request):
    """Delete what a test closed: each style sheet would have to dress it again."""
    yield
    if "qapp" in request.fixturenames:
        request.getfixturevalue("qapp").sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def world():
    """An engine that has not been opened."""
    return FakeWorld()


@pytest.fixture
def closed_stage(qtbot, qt_loop, theme, world, tmp_path):
    """The studio before its engine has answered."""
    models = Models(world.link, tmp_path / "settings.ini")
    models.session.page = "Train"
    window = Window(theme, models.session)
    qtbot.addWidget(window)
    window.resize(1280, 800)
    window.show()
    qtbot.waitExposed(window)
    studio = Studio(window, theme, models)
    yield Stage(window, studio, world, models)
    with contextlib.suppress(RuntimeError):  # a test may have buried the window itself
        models.explore.stop_playing()
        studio.leaving.leave()


@pytest.fixture
def stage(closed_stage, qtbot):
    """The studio on its Train page with the engine ready and its catalogue read."""
    closed_stage.world.link.open()
    qtbot.waitUntil(lambda: bool(closed_stage.models.catalogue.presets))
    return closed_stage


@pytest.fixture
def training(stage, qtbot):
    """The same, with a training of points that has taken 500 steps; (stage, run)."""
    stage.act("run.start").trigger()
    qtbot.waitUntil(lambda: stage.models.runs.current is not None)
    run = stage.models.runs.current
    for steps in (200, 150, 150):
        stage.world.train(run.name, steps)
    qtbot.waitUntil(lambda: len(run.samples) == 3 and len(run.steps) == 50)
    return stage, run
