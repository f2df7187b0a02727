"""No test may leave a process behind, and none may touch a real workspace."""

from pathlib import Path

import pytest
from hub_support import MARK, marked, new_mark, wait_until


@pytest.fixture(autouse=True)
def no_process_left(monkeypatch):
    """Fails a test that leaves a process, and ends it."""
    mark = new_mark()
    monkeypatch.setenv(MARK, mark)
    yield
    try:
        wait_until(lambda: not marked(mark), 15.0)
    finally:
        left = marked(mark)
        for process in left:
            process.kill()
        assert not left, f"left behind: {left}"


@pytest.fixture
def workspace(tmp_path):
    return tmp_path / "workspace"


@pytest.fixture
def fake_train(monkeypatch):
    """Train workers without torch; a run's name says how they behave."""
    monkeypatch.setattr("engine.hub.training.WORKER", "fake_train_worker")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


@pytest.fixture
def fake_explore(monkeypatch):
    """An explore worker without torch; a model's name says how it behaves."""
    monkeypatch.setattr("engine.hub.explorer.WORKER", "fake_explore_worker")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
