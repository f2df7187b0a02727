"""A session and its disk: full, failing, gone, damaged, and a clock that jumps."""

import errno
import itertools
import os
import resource
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from session_support import NOWHERE, curves, of_kind, script, stopping_at, trained

from engine.contract.journal import Ended, Noticed, Sealed
from engine.contract.messages import Left, Progress
from engine.runs import checkpoint
from engine.runs.checkpoint import newest
from engine.runs.folder import RunFolder
from engine.runs.history import read_history
from engine.worker.heartbeat import Heartbeat
from engine.worker.session import train_session

# torch itself calls what it deprecates, at its first forward-mode derivative.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")


def test_a_damaged_checkpoint_is_told_and_the_one_before_goes_on(run, points) -> None:
    trained(run, points)
    curve = curves(run)
    (run.checkpoint(20) / "model.safetensors").write_bytes(b"not what was written")
    assert trained(run, None) == Left("finished", 20)
    assert curves(run) == curve
    assert "step 20 is damaged" in told(run)[0]
    assert "kept aside as 000020.bad" in told(run)[1]
    found = newest(run)
    assert found is not None
    assert (found.step, found.damaged) == (20, ())
    assert run.checkpoint(20).with_name("000020.bad").is_dir()


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
    monkeypatch.setattr("engine.worker.keeping.WAIT", 0.001)
    monkeypatch.setattr("engine.worker.heartbeat.PERIOD", 0.001)
    states, told = set(), lambda progress: states.add(progress.state)
    assert train_session(run.path, points, NOWHERE, threads=1, report=told).how == "finished"
    assert "paused" in states
    history = read_history(run)
    assert history.steps.tolist() == list(range(1, 21))
    assert any("waits in memory" in e.message for e in history.events if isinstance(e, Noticed))


def told(run: RunFolder) -> list[str]:
    return [e.message for e in read_history(run).events if isinstance(e, Noticed)]


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


MUTATIONS = {
    "a flipped bit": lambda c: flip(c / "optimiser.safetensors"),
    "truncated": lambda c: os.truncate(c / "ema-0.99.safetensors", 100),
    "zero bytes": lambda c: (c / "model.safetensors").write_bytes(b""),
    "a missing file": lambda c: (c / "randomness.safetensors").unlink(),
    "a missing manifest": lambda c: (c / "manifest.json").unlink(),
}
NAMED = {
    "a flipped bit": "optimiser.safetensors has changed",
    "truncated": "ema-0.99.safetensors has 100 of",
    "zero bytes": "model.safetensors has 0 of",
    "a missing file": "randomness.safetensors: No such file",
    "a missing manifest": "manifest.json: No such file",
}


@pytest.mark.parametrize("how", MUTATIONS)
def test_a_bad_checkpoint_is_named_kept_aside_and_trained_anew_to_the_same(
    run, points, tmp_path, how
) -> None:
    trained(run, points)
    content = {p.name: p.read_bytes() for p in run.checkpoint(20).iterdir()}
    MUTATIONS[how](run.checkpoint(20))
    bad = {p.name: p.read_bytes() for p in run.checkpoint(20).iterdir()}
    assert trained(run, None) == Left("finished", 20)
    assert NAMED[how] in told(run)[0]
    kept = run.checkpoint(20).with_name("000020.bad")
    assert {p.name: p.read_bytes() for p in kept.iterdir()} == bad
    again = {p.name: p.read_bytes() for p in run.checkpoint(20).iterdir()}
    timed = {"state.json", "manifest.json"}
    assert {n: c for n, c in again.items() if n not in timed} == {
        n: c for n, c in content.items() if n not in timed
    }


def test_a_file_too_many_in_a_checkpoint_is_never_read(run, points) -> None:
    trained(run, points)
    (run.checkpoint(20) / "adversary.safetensors").write_bytes(b"no tensors")
    found = newest(run)
    assert found is not None
    assert found.step == 20
    assert "adversary" not in found.files()
    assert trained(run, None) == Left("finished", 20)
    assert told(run) == []


def test_what_a_kill_amid_pruning_left_is_taken_away(run, points) -> None:
    trained(run, points)
    (run.checkpoint(18) / "manifest.json").unlink()
    trained(run, None)
    assert told(run) == []
    assert not run.checkpoint(18).exists()


def test_what_a_kill_amid_a_save_left_half_written_is_swept(run, points) -> None:
    trained(run, points, *stopping_at(7))
    half = run.checkpoint(0).parent / ".tmp-000012"
    shutil.copytree(run.checkpoint(7), half)
    (half / "manifest.json").unlink()
    (run.samples / ".tmp-1f-00-000010.npy").write_bytes(b"half")
    assert trained(run, None, *stopping_at(1)) == Left("stopped", 8)
    assert list(run.path.rglob(".tmp-*")) == []
    assert told(run) == []


class Unplugged:
    """A disk that fails every fsync and loses what was not on it, until it is back."""

    def __init__(self, journal: Path) -> None:
        self.journal, self.there, self.tried, self._kept = journal, True, 0, b""

    def fsync(self, handle: int) -> None:
        self.tried += not self.there
        if not self.there:
            raise OSError(errno.EIO, "Input/output error")
        if self.journal.exists() and os.path.samestat(os.fstat(handle), os.stat(self.journal)):
            self._kept = self.journal.read_bytes()
        FSYNC(handle)

    def leave(self) -> None:
        self.there = False

    def come_back(self) -> None:
        """With nothing on it but what an fsync had promised."""
        with open(self.journal, "r+b") as file:
            file.truncate(len(self._kept))
        self.there = True


FSYNC = os.fsync


def test_a_disk_that_goes_and_comes_back_pauses_training_and_loses_nothing(
    run, points, monkeypatch
) -> None:
    disk = Unplugged(run.journal)
    monkeypatch.setattr("engine.runs.journal.os.fsync", disk.fsync)
    monkeypatch.setattr("engine.runs.journal._RETRY", 0.0)
    monkeypatch.setattr("engine.worker.keeping.WAIT", 0.001)
    monkeypatch.setattr("engine.worker.heartbeat.PERIOD", 0.001)
    looks, paused, seen = itertools.count(), [], list[str]()

    def control() -> None:
        if next(looks) == 9:
            disk.leave()
            while not disk.tried:
                time.sleep(0.001)
        if disk.tried > 20 and not disk.there:
            paused.append(len(seen))
            disk.come_back()

    states = set()
    left = train_session(
        run.path, points, NOWHERE, threads=1, control=control, tell=seen.append,
        report=lambda now: states.add(now.state),
    )  # fmt: skip
    assert left == Left("finished", 20)
    assert paused
    assert "paused" in states
    assert read_history(run).gaps == []
    assert read_history(run).steps.tolist() == list(range(1, 21))
    assert any("disk does not answer" in sentence for sentence in seen)
    assert any("nothing is lost" in sentence for sentence in seen)
    assert told(run) == seen


def test_a_folder_that_is_taken_away_is_waited_for(run, points, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("engine.runs.journal._RETRY", 0.0)
    monkeypatch.setattr("engine.worker.keeping.WAIT", 0.001)
    monkeypatch.setattr("engine.worker.heartbeat.PERIOD", 0.001)
    looks, waits, elsewhere = itertools.count(), [0], tmp_path / "elsewhere"

    def control() -> None:
        if next(looks) == 4:
            os.rename(run.path, elsewhere)
            time.sleep(0.1)  # the heartbeat looks for it
        if elsewhere.exists():
            waits[0] += 1
            if waits[0] == 30:
                os.rename(elsewhere, run.path)

    left = train_session(run.path, points, NOWHERE, threads=1, control=control)
    assert left == Left("finished", 20)
    assert read_history(run).steps.tolist() == list(range(1, 21))
    assert any("it is not there" in sentence for sentence in told(run))


def test_a_journal_that_may_grow_no_further_holds_its_rows_until_it_may(
    run, points, monkeypatch
) -> None:
    monkeypatch.setattr("engine.runs.journal._RETRY", 0.0)
    monkeypatch.setattr("engine.runs.journal.ROWS", 1)
    limits, looks = resource.getrlimit(resource.RLIMIT_FSIZE), itertools.count()

    def control() -> None:
        look = next(looks)
        if look == 4:  # no file may be larger than the journal is, and 50 bytes
            size = run.journal.stat().st_size + 50
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
        if look == 16:
            assert len(read_history(run)) < 8
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    try:
        assert train_session(run.path, points, NOWHERE, control=control) == Left("finished", 20)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    history = read_history(run)
    assert history.gaps == []
    assert history.steps.tolist() == list(range(1, 21))
    assert any("would grow beyond its limit" in sentence for sentence in told(run))


def test_a_clock_that_jumps_changes_nothing_but_what_it_says(
    run, points, tmp_path, monkeypatch
) -> None:
    """Also back to 1970: names and order are steps, durations are of a clock that does not jump."""
    whole = RunFolder(tmp_path / "whole")
    trained(whole, points)
    times = itertools.cycle((4e9, -5.0, 0.0, 1e9, 1.0))
    monkeypatch.setattr("time.time", lambda: next(times))
    beat, heard = Heartbeat("x", lambda progress: None), []
    beat.state, beat.steps = "running", 1000
    for beat.step in range(1, 30):
        heard.append(beat.progress().rate)
        time.sleep(0.001)
    assert all(0 < rate < 1e4 for rate in heard[1:])
    seen: list[Progress] = []
    left = train_session(
        run.path, points, NOWHERE, threads=1, control=script(*stopping_at(9)), report=seen.append
    )
    assert left == Left("stopped", 9)
    assert trained(run, None) == Left("finished", 20)
    assert curves(run) == curves(whole)
    seconds = read_history(run).curve("seconds")
    assert (np.diff(seconds) > 0).all()
    assert seconds[-1] < 100
    assert {*os.listdir(run.samples)} == {*os.listdir(whole.samples)}
    assert all(p.eta >= -1 and p.rate >= 0 for p in seen)
