"""No test may leave a process behind, and none may touch a real workspace."""

from pathlib import Path

import pytest
from hub_fixtures import no_process_left, workspace

__all__ = ["no_process_left", "workspace"]


@pytest.fixture
def fake_train(monkeypatch):
    """Train workers without torch; a run's name says how they behave."""
    monkeypatch.setattr("engine.hub.training.WORKER", "fake_train_worker")
    monkeypatch.setattr("engine.hub.training.PAUSE", 0.02)
    monkeypatch.setattr("engine.hub.waiting.PERIOD", 0.05)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


@pytest.fixture
def fake_explore(monkeypatch):
    """An explore worker without torch; a model's name says how it behaves."""
    monkeypatch.setattr("engine.hub.explorer.WORKER", "fake_explore_worker")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
