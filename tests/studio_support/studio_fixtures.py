"""Fixtures of the studio's tests: a Qt loop with asyncio in it, and a check for leaks."""

import asyncio
from collections.abc import Iterator

import psutil
import pytest
from PySide6.QtWidgets import QApplication
from qasync import QEventLoop

from studio.model import tasks


@pytest.fixture(autouse=True)
def no_leaks() -> Iterator[None]:
    """A test leaves no spawned coroutine, no visible window and no child process behind."""
    before = set(psutil.Process().children(recursive=True))
    yield
    assert not tasks.running(), "a spawned coroutine outlives the test"
    left = [p for p in psutil.Process().children(recursive=True) if p not in before]
    assert not left, f"a child process outlives the test: {left}"
    if isinstance(app := QApplication.instance(), QApplication):
        assert not [w for w in app.topLevelWidgets() if w.isVisible()], "a window stays open"


@pytest.fixture
def qt_loop(qapp: QApplication) -> Iterator[QEventLoop]:
    """asyncio on the Qt loop that qtbot spins: slots may spawn, `qtbot.waitUntil` drives them."""
    loop = QEventLoop(qapp, already_running=True)
    yield loop
    left = asyncio.ensure_future(tasks.cancel_all())
    while not left.done():
        qapp.processEvents()
    asyncio.events._set_running_loop(None)
    # `stop` would tell the application to quit, after which qtbot could wait no more.
    loop._QEventLoop__is_running = False
    loop.close()
