"""One session of training in a folder: what it leaves, obeys and tells."""

import itertools
import os
import signal
import threading
from pathlib import Path

import pytest
from session_support import (
    NOWHERE,
    of_kind,
    trained,
)

from engine.contract.journal import Noticed, Sampled, Sealed, Started
from engine.contract.messages import Left, Progress
from engine.contract.specs import MLP
from engine.runs import saver
from engine.runs.history import read_history
from engine.worker.session import EXIT_CODES, train_session

# torch itself calls what it deprecates, at its first forward-mode derivative.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")


def test_a_run_leaves_all_that_it_promised(run, spec) -> None:
    assert trained(run, spec) == Left("finished", 20)
    history = read_history(run)
    assert history.steps.tolist() == list(range(1, 21))
    assert of_kind(history, Started) == [0]
    assert of_kind(history, Sampled) == [5, 10, 15, 20]
    assert of_kind(history, Sealed) == [6, 12, 18, 20]
    assert of_kind(history, Noticed) == []
    assert run.checkpoints() == [18, 20]
    assert run.frames() == [6, 12]
    kind = "npy" if spec.network == MLP(8, 1) else "png"
    assert sorted(os.listdir(run.samples)) == [f"0000{n}.{kind}" for n in ("05", "10", "15", "20")]
    assert {p.name for p in run.checkpoint(20).iterdir()} == {
        "ema-0.9.safetensors",
        "ema-0.99.safetensors",
        "manifest.json",
        "model.safetensors",
        "loss-map.safetensors",
        "optimiser.safetensors",
        "randomness.safetensors",
        "state.json",
    }
    assert history.ended is not None
    assert (history.ended.how, history.ended.step) == ("finished", 20)
    assert history.ended.seconds == history.curve("seconds")[-1] > 0
    assert run.spec() == spec
    assert "finished at step 20" in run.log.read_text()
    assert {p.name for p in run.path.iterdir()} == {
        "spec.toml", "lock", "journal", "log.txt", "data.json", "samples", "checkpoints", "film",
    }  # fmt: skip


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_saves_and_leaves_and_a_second_one_changes_nothing(
    run, points, kind, monkeypatch
) -> None:
    before = signal.getsignal(kind)
    seal = saver.seal

    def interrupted(*args: object) -> Path:
        os.kill(os.getpid(), kind)  # a second one, amid the save
        return seal(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(saver, "seal", interrupted)
    looks = itertools.count()

    def control() -> None:
        if next(looks) == 3:  # before step 4
            os.kill(os.getpid(), kind)

    left = train_session(run.path, points, NOWHERE, control=control)
    assert left == Left("stopped", 4)  # asked in step 4
    assert EXIT_CODES[left.how] == 75
    assert run.checkpoints() == [left.step]
    assert signal.getsignal(kind) == before


def test_a_session_also_runs_outside_the_main_thread(run, points) -> None:
    found: list[Left] = []
    thread = threading.Thread(target=lambda: found.append(trained(run, points)))
    thread.start()
    thread.join()
    assert found == [Left("finished", 20)]


def test_the_heartbeat_tells_every_phase(run, points, monkeypatch) -> None:
    seen: list[Progress] = []
    waiting = threading.Event()

    def report(progress: Progress) -> None:
        seen.append(progress)
        waiting.set()

    def control() -> None:
        waiting.clear()
        waiting.wait(5)

    seal = saver.seal

    def slow(*args: object) -> Path:
        control()
        control()
        return seal(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(saver, "seal", slow)
    monkeypatch.setattr("engine.worker.heartbeat.PERIOD", 0.001)
    train_session(run.path, points, NOWHERE, control=control, report=report)
    assert {"training", "saving"} <= {p.phase for p in seen}
    assert seen[0].state in ("starting", "running")
    assert [p.step for p in seen] == sorted(p.step for p in seen)
    assert (seen[-1].run, seen[-1].step, seen[-1].steps) == ("first", 20, 20)
    assert seen[-1].checkpoint == 20
    assert seen[-1].journal <= run.journal.stat().st_size
    assert seen[-1].memory > 1 << 20
    assert seen[-1].error is not None


def test_a_report_that_nobody_takes_ends_the_reports_and_not_the_training(run, points) -> None:
    def gone(progress: Progress) -> None:
        raise BrokenPipeError

    left = train_session(run.path, points, NOWHERE, report=gone)
    assert left == Left("finished", 20)
