"""The writer of a journal: nothing written is lost, whatever the disk or a kill does."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.contract.journal import Columns, Event, Gap, Noticed, Reader, Rows
from engine.runs import journal as module
from engine.runs.errors import RunError
from engine.runs.journal import Journal

NAMES = ("step", "loss")


def records(path: Path) -> list[Event | Rows | Gap]:
    return list(Reader().feed(path.read_bytes()))


def steps(path: Path) -> list[float]:
    return [s for r in records(path) if isinstance(r, Rows) for s in r.values[:, 0]]


def opened(path: Path) -> Journal:
    journal = Journal(path)
    journal.event(Columns(NAMES))
    return journal


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """A stand-in for a full disk: no file of this process may grow beyond `size`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_rows_wait_for_their_record_but_never_behind_an_event(tmp_path) -> None:
    journal = opened(tmp_path / "journal")
    journal.flush()
    journal.row((1.0, 0.5))
    journal.row((2.0, 0.5))
    journal.event(Noticed(2, "here"))
    found = records(tmp_path / "journal")
    assert [type(r) for r in found] == [Columns, Rows, Noticed]
    assert steps(tmp_path / "journal") == [1, 2]
    journal.close()


def test_a_record_has_at_most_so_many_rows(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 1e9)
    journal = opened(tmp_path / "journal")
    journal.flush()
    for step in range(module.ROWS):
        assert steps(tmp_path / "journal") == []
        journal.row((step, 0.0))
    assert len(steps(tmp_path / "journal")) == module.ROWS
    journal.close()


def test_slow_steps_are_written_at_once(tmp_path, monkeypatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    journal = opened(tmp_path / "journal")
    for step in range(3):
        clock[0] += module.PATIENCE
        journal.row((step, 0.0))
        assert len(steps(tmp_path / "journal")) == step + 1
    journal.close()


def test_whatever_tail_a_kill_leaves_the_next_session_goes_on_behind_the_last_whole_record(
    tmp_path,
) -> None:
    path = tmp_path / "journal"
    journal = opened(path)
    ends = [journal.size]
    for step in range(4):
        journal.row((step, 0.0))
        journal.flush()
        ends.append(journal.size)
    journal.close()
    whole = path.read_bytes()
    for size in range(ends[1], len(whole) + 1):
        path.write_bytes(whole[:size])
        kept = sum(end <= size for end in ends) - 1
        again = Journal(path)
        again.event(Noticed(9, "on"))
        again.close()
        found = records(path)
        assert not any(isinstance(r, Gap) for r in found)
        assert steps(path) == list(range(kept))
        assert found[-1] == Noticed(9, "on")


@pytest.mark.parametrize("room", [0, 1, 11, 12, 30, 100])
def test_a_full_disk_cuts_back_to_the_last_whole_record_and_loses_nothing(
    tmp_path, room, monkeypatch
) -> None:
    monkeypatch.setattr(module, "_RETRY", 0.0)
    path = tmp_path / "journal"
    journal = opened(path)
    with files_up_to(journal.size + room):
        for step in range(20):
            journal.row((step, 0.0))
            journal.flush()
            assert steps(path) == list(range(len(steps(path))))
            assert path.stat().st_size == journal.size
        assert str(path) in journal.trouble
        assert len(steps(path)) < 20
    journal.row((20, 0.0))
    journal.flush()
    assert journal.trouble == ""
    assert steps(path) == list(range(21))
    journal.close()


def test_what_waits_for_the_disk_is_bounded(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(module, "HELD_CAP", 1000)
    monkeypatch.setattr(module, "_RETRY", 0.0)
    journal = opened(tmp_path / "journal")
    with files_up_to(journal.size):
        while not journal.full:
            journal.row((1.0, 1.0))
            journal.flush()
    journal.flush()
    assert not journal.full
    journal.close()


def test_a_short_write_without_an_error_is_finished_or_cut(tmp_path, monkeypatch) -> None:
    journal = opened(tmp_path / "journal")
    write = os.write
    monkeypatch.setattr(module.os, "write", lambda fd, data: write(fd, data[:7]))
    journal.event(Noticed(1, "long enough to need more than two pieces"))
    assert journal.trouble
    assert os.path.getsize(tmp_path / "journal") == journal.size
    monkeypatch.setattr(module.os, "write", write)
    journal.close()
    assert isinstance(records(tmp_path / "journal")[-1], Noticed)


def test_a_disk_that_cannot_be_written_is_one_sentence(tmp_path) -> None:
    (tmp_path / "journal").mkdir()
    with pytest.raises(RunError, match=r"^Cannot write .*journal.*\.$"):
        Journal(tmp_path / "journal")
