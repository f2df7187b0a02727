"""`queue`: the file is changed as the window would, and `work` trains what waits without a hub."""

import json
import subprocess
import sys

import pytest

from engine.cli.training import spec_from
from engine.contract.errors import UserError
from engine.hub.control import Control
from engine.hub.queue import QueueFile
from engine.runs.folder import RunFolder

QUICK = ("--set", "network.width=8", "--set", "network.depth=1", "--set", "training.batch=8")


def rows(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_what_is_added_is_listed_moved_held_and_taken_out(engine, tmp_path):
    for name in ("a", "b", "c"):
        engine("queue", "add", "points-fm", "--steps", 30, "--name", name)
    engine("queue", "move", "c", 1)
    engine("queue", "remove", "a")
    assert [row["name"] for row in rows(engine("queue", "list", "--json"))] == ["c", "b"]
    engine("queue", "hold")
    assert "is held" in engine("queue").stdout
    engine("queue", "release", "--at-once", 2)
    plan = QueueFile(tmp_path / "workspace").read()
    assert (plan.held, plan.at_once, [e.run for e in plan.entries]) == (False, 2, ["c", "b"])
    assert plan.entries[0].spec.training.steps == 30
    states = {row["name"]: row["state"] for row in rows(engine("runs", "--json"))}
    assert states == {"c": "queued", "b": "queued"}


def test_a_run_that_stopped_waits_with_its_changes(engine, tmp_path):
    spec = spec_from("points-fm", [], "", None, None)
    RunFolder(tmp_path / "workspace" / "runs" / "old").create(spec)
    with pytest.raises(UserError, match=r"cannot change network\.width"):
        engine("queue", "resume", "old", "--set", "network.width=3")
    with pytest.raises(UserError, match="Learning rate"):
        engine("queue", "resume", "old", "--set", "training.learning_rate=much")
    engine("queue", "resume", "old", "--set", "training.learning_rate=0.01")
    (waits,) = QueueFile(tmp_path / "workspace").read().entries
    assert waits.changes == (("training.learning_rate", "0.01"),)


@pytest.mark.parametrize(
    ("words", "thing"),
    [
        (("add", "points-fm", "--data", "nowhere"), "nowhere"),
        (("add", "point-fm"), "points-fm"),
        (("resume", "gone"), "gone"),
        (("move", "gone", 1), "gone"),
        (("remove", "gone"), "gone"),
    ],
)
def test_what_is_not_there_is_named_and_nothing_changes(engine, tmp_path, words, thing):
    with pytest.raises(UserError, match=thing):
        engine("queue", *words)
    assert not QueueFile(tmp_path / "workspace").read().entries


def test_work_goes_on_after_a_failure_and_keeps_what_did_not_begin(engine, tmp_path):
    workspace = tmp_path / "workspace"
    for name in ("taken", "another", "good"):
        engine("queue", "add", "points-fm", "--steps", 12, "--name", name, *QUICK)
    another = RunFolder(workspace / "runs" / "another")
    another.create(spec_from("points-fm", [], "", 9, None))
    (workspace / "runs" / "taken").mkdir(parents=True)
    (workspace / "runs" / "taken" / "something").touch()
    command = [sys.executable, "-m", "engine.cli", "queue", "work", "--workspace", str(workspace)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "2 of 3 did not finish." in done.stderr
    assert RunFolder(workspace / "runs" / "good").checkpoints() == [12]
    assert not another.checkpoints()
    entries = QueueFile(workspace).read().entries
    assert [left.run for left in entries] == ["taken", "another"]
    for left in entries:
        assert "exit code 2" in left.problem
        assert left.spec is not None


def test_a_terminal_and_a_window_do_not_work_at_the_same_queue(engine, tmp_path):
    control = Control(tmp_path / "workspace")
    control.take()
    control.shown_in(4321)
    with pytest.raises(UserError, match=r"another window \(process 4321\)"):
        engine("queue", "work")
    control.release()
    engine("queue", "work")
