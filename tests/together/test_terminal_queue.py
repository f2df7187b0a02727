"""`queue work` in a terminal that is ended: what it trains saves and leaves; nothing is lost."""

import json
import signal
import subprocess
import sys

import pytest
from hub_support import points_spec, processes, wait_until
from msgspec.structs import replace
from terminal import ROOT, records

from engine.contract.journal import Started
from engine.contract.specs import FlowMatching
from engine.hub.queue import Entry, QueueFile
from engine.runs import checkpoint
from engine.runs.folder import RunFolder
from engine.runs.history import read_history

QUICK = replace(points_spec(steps=10**7), method=FlowMatching())
CHANGES = (("training.learning_rate", "0.0001"),)


@pytest.mark.parametrize(("kind", "code"), [(signal.SIGTERM, 75), (signal.SIGKILL, -9)])
def test_a_queue_in_a_terminal_that_is_ended_leaves_a_saved_run(workspace, kind, code):
    file, run = QueueFile(workspace), RunFolder(workspace / "runs" / "a")
    for name in "ab":
        file.edit(lambda plan, n=name: plan.added(Entry(n, QUICK)))
    work = start(workspace)
    wait_until(lambda: run.journal.exists() and len(read_history(run).steps) > 20)
    work.send_signal(kind)
    assert work.wait() == code
    wait_until(lambda: not processes())  # also where nothing could be handed on
    assert checkpoint.newest(run).step == len(read_history(run).steps) > 20
    waits = [entry.run for entry in file.read().entries]
    assert waits == (["b"] if kind == signal.SIGTERM else ["a", "b"])


def test_a_run_goes_on_in_a_terminal_with_its_changes(workspace):
    file, run = QueueFile(workspace), RunFolder(workspace / "runs" / "a")
    run.create(replace(QUICK, training=replace(QUICK.training, steps=40)))
    file.edit(lambda plan: plan.added(Entry("a", None, changes=CHANGES)))
    assert start(workspace).wait() == 0
    assert file.read().entries == ()
    (begun,) = [record for record in records(run) if isinstance(record, Started)]
    assert begun.changes == CHANGES
    command = [sys.executable, "-m", "engine.cli", "runs", "--json", "--workspace", str(workspace)]
    told = subprocess.run(command, capture_output=True, check=True, cwd=ROOT).stdout
    assert json.loads(told)["state"] == "finished"


def start(workspace):
    command = [sys.executable, "-m", "engine.cli", "queue", "work", "--workspace", str(workspace)]
    return subprocess.Popen(command, cwd=ROOT)
