"""Real processes; none may be left behind. The helpers are those of the hub's own tests."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "hub"))

from hub_support import MARK, marked, new_mark, wait_until


@pytest.fixture(autouse=True)
def no_process_left(monkeypatch):
    """Fails a test that leaves a process, and ends it."""
    mark = new_mark()
    monkeypatch.setenv(MARK, mark)
    yield
    try:
        wait_until(lambda: not marked(mark), 30.0)
    finally:
        left = marked(mark)
        for process in left:
            process.kill()
        assert not left, f"left behind: {left}"


@pytest.fixture
def workspace(tmp_path):
    return tmp_path / "workspace"
