"""What the tests of the Explore page share."""

import pytest
from PySide6.QtCore import QEvent
from staged_explore import PICTURES, POINTS, NoCatalogue, NoRuns, StagedExplore
from studio_fixtures import no_leaks, qt_loop

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
def page(qtbot, explore, theme):
    """The page in a window of its own, with nothing opened."""
    made = ExplorePage(explore, NoCatalogue(), NoRuns(), theme)
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
