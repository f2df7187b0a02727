"""Windows that lie in a cycle die on the window's thread, whoever allocates."""

import gc
import threading
import weakref

import pytest

from studio.garbage import Garbage

pytestmark = pytest.mark.gui


class Closed:
    """A closed dialog: it holds itself by way of its slots."""

    def __init__(self) -> None:
        self.slot = self


@pytest.fixture
def collecting():
    gc.enable()  # as in a studio that has just begun
    garbage = Garbage()
    yield
    garbage.release()
    gc.disable()  # as between tests


def test_another_thread_never_collects_what_the_window_left(qtbot, collecting):
    died_on: list[int] = []
    weakref.finalize(Closed(), lambda: died_on.append(threading.get_ident()))
    busy = threading.Thread(target=lambda: [[] for _ in range(200_000)])
    busy.start()
    busy.join()
    assert died_on == []
    rows = [[] for _ in range(1000)]  # the window goes on, and so do its allocations
    qtbot.waitUntil(lambda: bool(died_on))
    assert died_on == [threading.get_ident()]
    del rows


def test_afterwards_python_collects_again(collecting):
    assert not gc.isenabled()
    Garbage().release()
    assert gc.isenabled()
