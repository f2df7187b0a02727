"""The end of a run's log, for a report: never more than was asked for, never another file."""

import pytest
from hub_support import points_spec

from engine.contract.errors import UserError
from engine.contract.messages import ReadLog
from engine.hub import files
from engine.runs.folder import RunFolder


@pytest.fixture
def run(workspace):
    found = RunFolder(workspace / "runs" / "one")
    found.create(points_spec())
    return found


@pytest.mark.parametrize("size", [-5, 0, 1, 7, 10**9])
def test_it_is_the_end_of_the_log(workspace, run, size):
    run.log.write_bytes(b"0123456789")
    chunk, payload = files.log(workspace, ReadLog(3, "one", size))
    wanted = b"0123456789"[-size:] if size > 0 else b""
    assert (chunk.id, payload) == (3, wanted)
    assert chunk.size == 10


def test_a_long_one_is_no_more_than_a_piece(workspace, run, monkeypatch):
    monkeypatch.setattr(files, "PIECE", 100)
    run.log.write_bytes(b"x" * 1000)
    assert len(files.log(workspace, ReadLog(1, "one", 10**9))[1]) == 100


def test_none_is_nothing_and_a_link_is_none(workspace, run, tmp_path):
    assert files.log(workspace, ReadLog(1, "one", 10))[1] == b""
    (tmp_path / "secret").write_text("secret")
    run.log.symlink_to(tmp_path / "secret")
    assert files.log(workspace, ReadLog(1, "one", 10))[1] == b""
    with pytest.raises(UserError, match="no run"):
        files.log(workspace, ReadLog(1, "two", 10))
