"""A disk that is full, for real: before a training, while it runs, and until its end."""

import json

import pytest
from hub_support import wait_until
from small_disk import small_disk
from terminal import engine, records, refusal, train

from engine.contract.journal import Noticed
from engine.runs import checkpoint
from engine.runs.folder import RunFolder
from engine.runs.history import read_history

THESIS = b"years of work"


@pytest.fixture
def disk(tmp_path):
    """A file system of two megabytes with something precious on it."""
    place = tmp_path / "disk"
    place.mkdir()
    with small_disk(place) as made:
        (made.path / "thesis.tex").write_bytes(THESIS)
        yield made
        assert (made.path / "thesis.tex").read_bytes() == THESIS


@pytest.fixture
def run(disk):
    return RunFolder(disk.path / "run")


@pytest.mark.parametrize("free", [0, 4096, 500_000], ids=["none", "for the spec", "too little"])
def test_a_training_is_refused_in_one_sentence_and_nothing_is_lost(disk, run, free):
    disk.fill(free)
    before = sorted(disk.path.iterdir())
    sentence = refusal(train(run.path, 100))
    assert str(run.path) in sentence
    assert "no space left" in sentence if free == 0 else "MB left" in sentence
    assert "free some" in sentence
    assert sorted(disk.path.iterdir()) == before


def until_sealed(process, run):
    wait_until(lambda: process.poll() is not None or run.checkpoints())
    assert process.poll() is None


def test_a_training_goes_on_over_a_disk_that_is_full_for_a_while(disk, run):
    steps = 3000
    process = train(run.path, steps, "--json")
    until_sealed(process, run)
    disk.fill()
    reached, size = run.checkpoints()[-1], run.journal.stat().st_size
    news = (json.loads(line) for line in process.stdout)
    later = (now for now in news if now.get("step", 0) > reached + 300)
    assert next(later)["state"] == "running"
    assert run.journal.stat().st_size - size < 4096  # less than one more block
    disk.free()
    _, complained = process.communicate()
    assert process.returncode == 0, complained
    told = [record.message for record in records(run) if isinstance(record, Noticed)]
    assert any("no space left" in sentence for sentence in told), told
    assert len(read_history(run).steps) == checkpoint.newest(run).step == steps


def test_a_training_whose_disk_stays_full_says_so_and_goes_on_when_there_is_room(disk, run):
    steps = 1000
    process = train(run.path, steps, "--json")
    until_sealed(process, run)
    disk.fill()
    said, _ = process.communicate()
    assert process.returncode == 1
    left = json.loads(said.splitlines()[-1])
    assert left["how"] == "failed"
    assert "no space left" in left["message"]
    assert "\n" not in left["message"]
    records(run)
    found = checkpoint.newest(run)
    assert 0 < found.step < steps
    assert not found.damaged

    disk.free()
    again = engine("resume", run.path)
    _, complained = again.communicate()
    assert again.returncode == 0, complained
    records(run)
    assert len(read_history(run).steps) == checkpoint.newest(run).step == steps
