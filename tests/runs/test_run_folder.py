"""The folder of a run, its lock, its previews and its summary."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image

from engine.contract.catalogue import presets
from engine.contract.errors import UserError
from engine.contract.journal import Columns, Ended, Noticed, Started
from engine.contract.specs import MLP, Data, FlowMatching, RunSpec, UNet
from engine.runs.errors import RunError
from engine.runs.folder import RunFolder
from engine.runs.journal import Journal
from engine.runs.lock import hold, is_held
from engine.runs.samples import save_preview
from engine.runs.summary import summarise

SPEC = RunSpec(Data("eight-gaussians"), FlowMatching(), MLP())


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    made = RunFolder(tmp_path / "run")
    made.create(SPEC)
    return made


@pytest.fixture
def nobody() -> Iterator[None]:
    """Not root, whom no permission stops."""
    if os.geteuid() == 0:
        os.seteuid(65534)
        yield
        os.seteuid(0)
    else:
        yield


@pytest.mark.parametrize("name", presets())
def test_the_spec_comes_back_as_it_was_given(tmp_path, name) -> None:
    made = RunFolder(tmp_path / "a b ä 😀")
    made.create(presets()[name].spec)
    assert made.spec() == presets()[name].spec


@pytest.mark.parametrize("there", [True, False])
def test_of_two_that_begin_a_run_at_the_same_moment_one_does(tmp_path, monkeypatch, there) -> None:
    made, mkdir, begun = RunFolder(tmp_path / "run"), Path.mkdir, []

    def late(path: Path, *given, **named) -> None:
        if path.name == ("samples" if there else "run") and not begun:
            begun.append(True)
            RunFolder(tmp_path / "run").create(SPEC)
        mkdir(path, *given, **named)

    if there:
        made.path.mkdir()
    monkeypatch.setattr(Path, "mkdir", late)
    with pytest.raises(RunError, match="not empty"):
        made.create(SPEC)
    assert made.spec() == SPEC
    assert made.samples.is_dir()


def test_a_folder_that_holds_anything_is_refused_and_left_as_it_is(run, tmp_path) -> None:
    with pytest.raises(RunError, match="already holds a run"):
        run.create(SPEC)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("years of work")
    with pytest.raises(RunError, match="not empty"):
        RunFolder(tmp_path / "full").create(SPEC)
    assert os.listdir(tmp_path / "full") == ["thesis.tex"]
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"^Cannot start a run in .*\.$"):
        RunFolder(tmp_path / "file").create(SPEC)


def test_a_place_where_one_may_not_write_is_refused_in_one_sentence(nobody) -> None:
    with pytest.raises(RunError, match=r"^Cannot start a run in .*may not write.*\.$"):
        RunFolder(Path("/usr/run")).create(SPEC)


def test_a_disk_that_fills_while_it_is_made_leaves_no_folder(tmp_path, monkeypatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(RunError, match="no space left"):
        RunFolder(tmp_path / "run").create(SPEC)
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunError, match="no space left"):
        RunFolder(tmp_path / "empty").create(SPEC)
    assert os.listdir(tmp_path) == ["empty"]
    assert os.listdir(tmp_path / "empty") == []


def test_what_is_no_run_says_so(tmp_path, run) -> None:
    with pytest.raises(RunError, match=r"no spec\.toml"):
        RunFolder(tmp_path).spec()
    run.spec_file.write_text("steps = = 3")
    with pytest.raises(UserError, match="not readable TOML"):
        run.spec()


HOLD = """
import sys, time
from pathlib import Path
from engine.runs.folder import RunFolder
from engine.runs.lock import hold
with hold(RunFolder(Path(sys.argv[1]))):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_run_is_held_by_one_process_and_free_at_once_when_that_is_killed(run) -> None:
    assert not is_held(run)
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(run.path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        assert is_held(run)
        with pytest.raises(RunError, match="in use by another process"), hold(run):
            pass
    finally:
        other.kill()
        other.wait()
        other.stdout.close()
    assert not is_held(run)
    with hold(run):
        assert is_held(run)


def test_a_look_at_the_lock_does_not_make_a_start_fail(run) -> None:
    handle = os.open(run.lock, os.O_RDWR | os.O_CREAT)
    import fcntl
    import threading

    fcntl.flock(handle, fcntl.LOCK_EX)
    threading.Timer(0.1, os.close, [handle]).start()
    with hold(run):
        pass


def test_pictures_become_a_grid_that_can_be_cut(run) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (10, 4, 6, 3), np.uint8)
    name = save_preview(run, 500, pictures)
    assert name == "000500.png"
    with Image.open(run.samples / name) as image:
        assert image.text["tile"] == "6x4"
        assert image.text["count"] == "10"
        grid = np.asarray(image)
    assert grid.shape == (8, 48, 3)
    cut = grid.reshape(2, 4, 8, 6, 3).swapaxes(1, 2).reshape(-1, 4, 6, 3)
    assert np.array_equal(cut[:10], pictures)
    assert not cut[10:].any()


def test_points_are_kept_as_they_are(run) -> None:
    points = np.random.default_rng(0).normal(size=(7, 2)).astype(np.float32)
    name = save_preview(run, 1_500_000, points)
    assert name == "1500000.npy"
    assert np.array_equal(np.load(run.samples / name), points)


def test_a_preview_that_cannot_be_written_is_one_sentence(run) -> None:
    run.samples.rmdir()
    with pytest.raises(RunError, match="Cannot write a preview"):
        save_preview(run, 1, np.zeros((3, 2), np.float32))


def test_a_run_is_summed_up_from_facts(run) -> None:
    assert summarise(run).state == "stopped"  # no process, no end
    journal = Journal(run.journal)
    journal.event(Started(0, time.time(), "cpu", 1, "0"))
    journal.event(Columns(("step", "loss")))
    for step in range(1, 40_000):
        journal.row((step, 0.5))
    journal.flush()
    with hold(run):
        assert summarise(run).state == "running"
    info = summarise(run)
    assert (info.state, info.step, info.steps) == ("stopped", 39_999, SPEC.training.steps)
    assert (info.method, info.data, info.data_kind) == ("fm", "eight-gaussians", "points")
    assert abs(info.changed - time.time()) < 60
    journal.event(Ended(39_999, 0.0, "failed", "The disk is full."))
    assert summarise(run).state == "failed"
    assert summarise(run).message == "The disk is full."
    journal.event(Started(30_000, 0.0, "cpu", 1, "0"))
    journal.event(Noticed(30_000, "on"))
    journal.close()
    assert (summarise(run).state, summarise(run).step) == ("stopped", 30_000)


def test_a_damaged_run_tells_its_reason_and_hides_no_other(run) -> None:
    run.spec_file.write_text("nonsense")
    info = summarise(run)
    assert info.state == "failed"
    assert "TOML" in info.message


def test_the_kind_of_data_shows_without_opening_it(tmp_path) -> None:
    made = RunFolder(tmp_path / "pictures")
    made.create(msgspec.structs.replace(SPEC, network=UNet(), data=Data("gone")))
    assert summarise(made).data_kind == "images"


def test_nothing_of_a_run_needs_torch_to_be_read() -> None:
    code = (
        "import sys; import engine.runs.summary, engine.runs.history, engine.runs.samples,"
        "engine.runs.journal, engine.runs.lock, engine.worker.process;"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
