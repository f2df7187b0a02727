"""One session of training in a folder: obeys, saves, survives, and goes on as if never stopped."""

import errno
import itertools
import os
import re
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.contract.errors import UserError
from engine.contract.history import History
from engine.contract.journal import Ended, Noticed, Sampled, Sealed, Started
from engine.contract.messages import Action, Left, Progress
from engine.contract.specs import (
    CD,
    CMT,
    MLP,
    Data,
    FlowMatching,
    RunSpec,
    Training,
    Trajectories,
)
from engine.runs import checkpoint, saver
from engine.runs.checkpoint import newest
from engine.runs.folder import RunFolder
from engine.runs.history import read_history
from engine.runs.lock import hold
from engine.worker import session as module
from engine.worker.heartbeat import Heartbeat, Pace
from engine.worker.session import EXIT_CODES, train_session

# torch itself calls what it deprecates, at its first forward-mode derivative.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

UNTIMED = {"seconds", "samples_per_second"}
NOWHERE = Path("/nowhere")


def script(*actions: Action | None) -> Callable[[], Action | None]:
    """A control that gives these actions, one a look (the first look is before the first step)."""
    left = iter(actions)
    return lambda: next(left, None)


def trained(run: RunFolder, spec: RunSpec | None, *actions: Action | None) -> Left:
    return train_session(run.path, spec, NOWHERE, threads=1, control=script(*actions))


def stopping_at(step: int) -> list[Action | None]:
    return [None] * step + ["stop"]


def tensors(run: RunFolder) -> dict[str, dict[str, torch.Tensor]]:
    found = newest(run)
    assert found is not None
    return {name: found.tensors(name) for name in found.files()}


def curves(run: RunFolder) -> dict[str, list[float]]:
    history = read_history(run)
    return {n: history.curve(n).tolist() for n in history.columns if n not in UNTIMED}


def of_kind(history: History, kind: type) -> list[int]:
    return [e.step for e in history.events if isinstance(e, kind)]


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
        "spec.toml", "lock", "journal", "log.txt", "samples", "checkpoints", "film",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "stops"),
    [("points", (10,)), ("points", (1, 6, 19)), ("pictures", (7, 13))],
    indirect=["spec"],
)
def test_a_run_that_was_stopped_and_resumed_is_the_run_that_never_was(
    run, spec, stops, tmp_path
) -> None:
    whole = RunFolder(tmp_path / "whole")
    trained(whole, spec)
    done = 0
    for stop in stops:
        left = trained(run, None if done else spec, *stopping_at(stop - done))
        assert left == Left("stopped", stop)
        done = stop
    assert trained(run, None) == Left("finished", 20)
    assert curves(run) == curves(whole)
    wanted = tensors(whole)
    for name, group in tensors(run).items():
        assert group.keys() == wanted[name].keys()
        assert all(torch.equal(v, wanted[name][k]) for k, v in group.items()), name
    for sample in whole.samples.iterdir():
        assert (run.samples / sample.name).read_bytes() == sample.read_bytes()
    assert of_kind(read_history(run), Started) == [0, *stops]
    seconds = read_history(run).curve("seconds")
    assert np.all(np.diff(seconds) > 0)


def test_pausing_changes_nothing_and_save_and_sample_work_in_it(run, points, tmp_path) -> None:
    whole = RunFolder(tmp_path / "whole")
    trained(whole, points)
    actions = [None, None, None, "pause", "save", "sample", "pause", None, "continue", "save"]
    assert trained(run, points, *actions).how == "finished"
    assert curves(run) == curves(whole)
    assert of_kind(read_history(run), Sealed) == [3, 4, 6, 12, 18, 20]
    assert of_kind(read_history(run), Sampled) == [3, 5, 10, 15, 20]


def test_a_stop_in_a_pause_and_before_the_first_step_leaves(run, points) -> None:
    assert trained(run, points, "stop") == Left("stopped", 0)
    assert trained(run, None, None, None, "pause", None, "stop") == Left("stopped", 2)
    assert trained(run, None) == Left("finished", 20)
    assert read_history(run).steps.tolist() == list(range(1, 21))


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


def test_a_finished_run_is_finished_and_a_longer_one_goes_on(run, points) -> None:
    trained(run, points)
    before = tensors(run)
    assert trained(run, None) == Left("finished", 20)
    assert all(torch.equal(v, tensors(run)[n][k]) for n, g in before.items() for k, v in g.items())
    text = run.spec_file.read_text()
    run.spec_file.write_text(text.replace("steps = 20", "steps = 24"))
    assert trained(run, None) == Left("finished", 24)
    assert len(read_history(run)) == 24


def test_a_damaged_checkpoint_is_told_and_the_one_before_goes_on(run, points) -> None:
    trained(run, points)
    curve = curves(run)
    (run.checkpoint(20) / "model.safetensors").write_bytes(b"not what was written")
    assert trained(run, None) == Left("finished", 20)
    assert curves(run) == curve
    (notice,) = [e for e in read_history(run).events if isinstance(e, Noticed)]
    assert "step 20 is damaged" in notice.message
    found = newest(run)
    assert found is not None
    assert (found.step, found.damaged) == (20, ())
    assert run.checkpoint(20).with_name("000020.bad").is_dir()


def refused(run: RunFolder, spec: RunSpec | None, words: str) -> None:
    """It cannot begin, says why in one sentence, and leaves nothing behind."""
    there = sorted(run.path.parent.rglob("*")) if run.path.parent.exists() else None
    with pytest.raises(Exception, match=words) as caught:
        train_session(run.path, spec, NOWHERE)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")
    left = sorted(run.path.parent.rglob("*")) if run.path.parent.exists() else None
    assert left == there or left == []


def test_bad_input_is_one_sentence_and_leaves_no_folder(run, points) -> None:
    refused(run, None, "is not a run")
    refused(run, replace(points, data=Data("no-such-data")), "There is no data set 'no-such-data'")
    refused(run, replace(points, training=Training(batch=0)), "Batch must be at least 1, not 0")
    refused(run, replace(points, data=Data("emoji-16")), "emoji-16 needs a unet or a dit")
    refused(run, replace(points, device="mps"), "no mps device")


def test_a_run_that_is_there_or_in_use_is_refused_and_left_as_it_is(run, points) -> None:
    trained(run, points)
    refused(run, points, "already holds a run")
    with hold(run):
        refused(run, None, "in use by another process")
    assert newest(run) is not None


def test_a_full_disk_at_the_start_leaves_no_folder(run, points, monkeypatch) -> None:
    usage = checkpoint.shutil.disk_usage("/")
    monkeypatch.setattr(checkpoint.shutil, "disk_usage", lambda path: usage._replace(free=1000))
    refused(run, points, "0 MB left")


@pytest.mark.parametrize(
    ("method", "words"),
    [
        (CD(), "and a checkpoint needs"),
        (CMT(trajectories=Trajectories(20_000)), "and its teacher's trajectories and a checkpoint"),
    ],
)
def test_a_disk_too_small_for_the_student_is_told_before_its_teacher_is_trained(
    run, points, monkeypatch, method, words
) -> None:
    """What the teacher's own first checkpoint takes is there."""
    spec = replace(points, method=method, network=MLP(256, 3))
    usage, disk = checkpoint.shutil.disk_usage("/"), monkeypatch.setattr
    teacher = replace(spec, method=FlowMatching())
    disk(checkpoint.shutil, "disk_usage", lambda path: usage._replace(free=0))
    with pytest.raises(UserError) as caught:
        train_session(run.path, teacher, NOWHERE)
    needed = int(re.findall(r"(\d+) MB;", str(caught.value))[0]) + 1
    disk(checkpoint.shutil, "disk_usage", lambda path: usage._replace(free=needed << 20))
    refused(run, spec, words)


def test_a_full_disk_at_a_save_keeps_the_old_checkpoint_and_training(
    run, points, monkeypatch
) -> None:
    sync, write = os.fsync, checkpoint.write_synced

    def full(path: Path, content: bytes) -> None:
        if "000012" in str(path):
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, content)

    monkeypatch.setattr("engine.runs.checkpoint.write_synced", full)
    assert os.fsync is sync
    assert trained(run, points).how == "finished"
    history = read_history(run)
    assert of_kind(history, Sealed) == [6, 18, 20]
    (notice,) = of_kind(history, Noticed)
    assert 12 <= notice <= 18
    assert not list(run.path.rglob(".tmp-*"))


def test_a_full_disk_at_the_last_save_is_a_failure_in_one_sentence(
    run, points, monkeypatch
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("engine.runs.checkpoint.write_synced", full)
    left = trained(run, points, *stopping_at(3))
    assert left.how == "failed"
    assert "no space left" in left.message
    assert isinstance(read_history(run).events[-1], Ended)


def test_a_journal_that_cannot_be_written_pauses_training_until_it_can(
    run, points, monkeypatch
) -> None:
    monkeypatch.setattr("engine.runs.journal.HELD_CAP", 500)
    monkeypatch.setattr("engine.runs.journal._RETRY", 0.0)
    write, refusing = os.write, [0]

    def full(descriptor: int, data: bytes) -> int:
        if data[:2] == b"FJ" and 5 < refusing[0] < 60:
            refusing[0] += 1
            raise OSError(errno.ENOSPC, "No space left on device")
        refusing[0] += data[:2] == b"FJ"
        return write(descriptor, data)

    monkeypatch.setattr("engine.runs.journal.os.write", full)
    monkeypatch.setattr("engine.runs.journal.ROWS", 1)
    monkeypatch.setattr(module, "_WAIT", 0.001)
    assert trained(run, points).how == "finished"
    history = read_history(run)
    assert history.steps.tolist() == list(range(1, 21))
    assert any("waits in memory" in e.message for e in history.events if isinstance(e, Noticed))


def test_a_preview_that_fails_costs_nothing_else(run, points, monkeypatch) -> None:
    def out_of_memory(trainer: object) -> None:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(module.Trainer, "preview", out_of_memory)
    assert trained(run, points).how == "finished"
    history = read_history(run)
    assert of_kind(history, Noticed) == [5, 10, 15, 20]
    assert history.samples == []


@pytest.mark.parametrize(
    "fault",
    [
        torch.OutOfMemoryError("x"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 byte"),
        UserError("One sentence."),
    ],
)
def test_a_failure_is_written_down_and_the_run_can_go_on(run, points, monkeypatch, fault) -> None:
    update = module.Trainer._batch

    def failing(trainer: module.Trainer) -> object:
        if trainer.step == 8:
            raise fault
        return update(trainer)

    monkeypatch.setattr(module.Trainer, "_batch", failing)
    left = trained(run, points)
    assert (left.how, left.step) == ("failed", 8)
    assert left.message.endswith(".")
    assert read_history(run).ended is not None
    monkeypatch.setattr(module.Trainer, "_batch", update)
    assert trained(run, None) == Left("finished", 20)
    assert read_history(run).steps.tolist() == list(range(1, 21))


def test_a_fault_of_the_program_is_written_down_and_not_hidden(run, points, monkeypatch) -> None:
    def broken(trainer: module.Trainer) -> object:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(module.Trainer, "_batch", broken)
    with pytest.raises(ZeroDivisionError):
        trained(run, points)
    ended = read_history(run).ended
    assert ended is not None
    assert "by zero" in ended.message
    assert "ZeroDivisionError" in run.log.read_text()


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


@given(st.floats(0.1, 1000), st.integers(0, 10**6))
def test_at_a_steady_speed_the_time_that_is_left_is_exact(rate: float, first: int) -> None:
    pace = Pace()
    assert pace.rate == 0
    assert pace.eta(100) == -1
    for tick in range(1000):
        pace.mark(first + int(tick * 0.1 * rate), tick * 0.1)
        assert pace.eta(100) == -1 or tick * 0.1 >= 2
    assert abs(pace.rate - rate) <= max(0.04, 0.02 * rate)
    if pace.rate:
        assert pace.eta(500) == 500 / pace.rate
    pace.reset()
    assert pace.eta(100) == -1


def test_a_new_speed_is_told_within_half_a_minute() -> None:
    pace, now, step = Pace(), 0.0, 0
    for rate in (100, 10):
        for _ in range(310):
            now, step = now + 0.1, step + rate // 10
            pace.mark(step, now)
    assert abs(pace.rate - 10) < 1


def test_a_pause_does_not_count_as_slowness() -> None:
    beat = Heartbeat("x", lambda progress: None)
    beat.state, beat.step, beat.steps = "paused", 5, 10
    assert beat.progress().eta == -1
    assert beat.progress().rate == 0
