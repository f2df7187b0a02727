"""kill -9 of the studio's own process, with everything behind it real."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hub_support import processes, wait_until, workers
from terminal import ROOT, engine, records

from engine.contract.journal import Started
from engine.hub.workspace import list_runs
from engine.runs import checkpoint
from engine.runs.folder import RunFolder
from engine.runs.history import read_history

STEPS = 800  # of the run for each kill, which comes after 300 at most and a moment
TRAIN, EXPLORE = "engine.worker.train", "engine.worker.explore"


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """A home of its own for the studio's settings and log."""
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "tests" / "hub")]))


@pytest.mark.parametrize("times", [1, pytest.param(10, marks=pytest.mark.slow)])
def test_the_studio_is_killed(workspace, environment, tmp_path, times):
    reached, steps = 0, STEPS * times
    for _ in range(times):
        kill_a_studio(workspace, steps, reached + random.randint(1, 300), tmp_path / "said")
        run = the_run(workspace)
        assert newest_start(run) == reached  # it went on where the newest checkpoint stood
        found = checkpoint.newest(run)
        assert not found.damaged
        assert found.step == len(read_history(run).steps) > reached
        (known,) = list_runs(workspace)
        assert (known.state, known.step) == ("stopped", found.step)
        reached = found.step
    resumed = engine("resume", run.name, "--workspace", workspace)
    _, complained = resumed.communicate()
    assert resumed.returncode == 0, complained
    assert newest_start(run) == reached
    assert checkpoint.newest(run).step == len(read_history(run).steps) == steps


def kill_a_studio(workspace, steps, beyond, words):
    """Let a studio train beyond a step, kill it, and wait until nothing of it is left."""
    script = Path(__file__).with_name("training_studio.py")
    with open(words, "ab") as said:
        studio = subprocess.Popen(
            [sys.executable, script, workspace, str(steps)], cwd=ROOT, stdout=said, stderr=said
        )
    try:
        wait_until(lambda: studio.poll() is not None or trained_beyond(workspace, beyond))
        assert studio.poll() is None, words.read_text()
        assert len(workers(TRAIN)) == len(workers(EXPLORE)) == 1
    finally:
        studio.kill()
        studio.wait()
    wait_until(lambda: not processes())


def trained_beyond(workspace, step):
    return any(r.state == "running" and r.step > step for r in list_runs(workspace))


def the_run(workspace):
    (known,) = list_runs(workspace)
    return RunFolder(workspace / "runs" / known.name)


def newest_start(run):
    """Where the newest session began."""
    return [record.step for record in records(run) if isinstance(record, Started)][-1]
