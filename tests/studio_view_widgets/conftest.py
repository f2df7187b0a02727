"""What the tests of the widgets that several pages use share."""

import pytest
from PySide6.QtCore import QEvent
from studio_fixtures import no_leaks, qt_loop

from studio.theme.theme import Theme

__all__ = ["no_leaks", "qt_loop"]


@pytest.fixture(autouse=True)
def _bury_widgets(qapp):
    """Delete what a test closed."""
    yield
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def theme(qapp):
    """A dark theme that the application does not wear: dressing takes time."""
    return Theme("dark")
