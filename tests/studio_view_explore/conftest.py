"""What the tests of the Explore page share."""

import pytest
from fake_world import FakeWorld
from PySide6.QtCore import QEvent
from staged_explore import PICTURES, POINTS, NoCatalogue, NoRuns, StagedExplore, closer_of
from studio_fixtures import no_leaks, qt_loop

from studio.model.companions import Companions
from studio.model.exploring import Exploring
from studio.model.field_model import FieldModel
from studio.model.film_model import FilmModel
from studio.model.held_model import HeldModel
from studio.model.map_model import MapModel
from studio.model.quality_model import QualityModel
from studio.model.runs_model import RunsModel
from studio.model.schedule_model import ScheduleModel
from studio.model.step_model import StepModel
from studio.theme.theme import Theme
from studio.view.explore.page import ExplorePage

__all__ = ["no_leaks", "qt_loop"]


@pytest.fixture(autouse=True)
def _bury_widgets(qapp):
    """Delete what a test closed: each style sheet would have to dress it again."""
    yield
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture(scope="session")
def theme(qapp):
    """The dark theme, worn by the application: a style sheet takes its time."""
    made = Theme("dark")
    made.apply(qapp)
    return made


@pytest.fixture
def explore(qapp):
    """A model that answers at once, with nothing opened."""
    return StagedExplore()


@pytest.fixture
def world():
    """A made-up engine."""
    made = FakeWorld()
    made.link.open()
    return made


@pytest.fixture
def maps(explore, world):
    """Maps of what is explored."""
    return MapModel(world.link, explore)


class NoFilm(FilmModel):
    """Asks for none: these tests have no loop that could."""

    def _follow(self):
        pass


@pytest.fixture
def film(explore, world):
    """The film of what is explored, which has none."""
    return NoFilm(world.link, explore, RunsModel(world.link))


@pytest.fixture
def companions(explore, world):
    """Models beside the one that is explored."""
    return Companions(world.link, explore)


class NoQuality(QualityModel):
    """Measures nothing: these tests have no loop that could."""

    def want(self, wanted):
        self.wanted = wanted

    def _begin(self):
        pass


@pytest.fixture
def quality(explore, world):
    """How good what is explored is."""
    return NoQuality(world.link, explore)


class NoHeld(HeldModel):
    """Measures nothing either."""

    def want(self, wanted):
        self.wanted = wanted

    def _begin(self):
        pass


@pytest.fixture
def closer(explore, world, maps, companions, quality):
    """What looks closer at what is explored."""
    held = NoHeld(world.link, explore, maps, quality)
    return closer_of(world.link, explore, companions, held)


@pytest.fixture
def models(explore, world, maps, film, companions, quality, closer):
    """All that the page shows."""
    schedule, fields = ScheduleModel(explore, quality), FieldModel(world.link, explore)
    step = StepModel(world.link, explore)
    parts = explore, maps, film, companions, quality, schedule, step, fields
    return Exploring(*parts, closer, NoCatalogue(), NoRuns())


@pytest.fixture
def page(qtbot, models, theme):
    """The page in a window of its own, with nothing opened."""
    made = ExplorePage(models, theme)
    qtbot.addWidget(made)
    made.resize(1200, 740)
    made.show()
    qtbot.waitExposed(made)
    return made


@pytest.fixture
def pictures(page, explore):
    """The page with a model of pictures."""
    explore.show(PICTURES)
    return page


@pytest.fixture
def points(page, explore):
    """The page with a model of points."""
    explore.show(POINTS)
    return page
