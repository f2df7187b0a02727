"""A folder that may not be written is refused at the start, with its path and why."""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from session_support import refused, stopping_at, trained

from engine.contract.errors import UserError
from engine.contract.messages import Left
from engine.hub.control import Control
from engine.runs.errors import RunError
from engine.runs.folder import RunFolder

NOBODY = 65534
WHY = "you may not write there; choose another folder."


@contextmanager
def read_only(folder: Path, taken: int = 0o222) -> Iterator[None]:
    """Nothing in the folder may be written; whom that would not hold back (root) is nobody."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    there = [*folder.rglob("*"), folder]
    modes = {path: path.stat().st_mode for path in there}
    for path, mode in modes.items():
        path.chmod(mode & ~taken)
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        for path, mode in reversed(modes.items()):
            path.chmod(mode)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that anybody may enter; pytest's own ones are closed."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


def test_a_new_run_where_nothing_may_be_written_is_refused(place, points, run) -> None:
    trained(run, points)  # what is loaded late is loaded: nobody may not read all of Python
    new = RunFolder(place / "runs" / "new")
    with read_only(place):
        refused(new, points, f"Cannot start a run in {re.escape(str(new.path))}: {WHY}")
    assert list(place.iterdir()) == []
    assert trained(new, points) == Left("finished", 20)


def test_a_run_that_may_not_be_written_does_not_go_on_and_is_left_as_it_is(place, points) -> None:
    run = RunFolder(place / "run")
    trained(run, points, *stopping_at(4))
    there = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    with read_only(place):
        refused(run, None, f"Cannot use {re.escape(str(run.path))}: {WHY}")
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == there
    assert trained(run, None) == Left("finished", 20)


def test_a_folder_that_may_not_be_entered_is_no_fault_of_the_program(place, points, run) -> None:
    trained(run, points)
    new = RunFolder(place / "new")
    with pytest.raises(UserError, match=WHY), read_only(place, 0o777):
        new.create(points)


def test_a_workspace_that_may_not_be_written_is_refused(place) -> None:
    """Here the hub says so, before a worker begins."""
    for workspace in (place, place / "not" / "there"):
        words = f"Cannot train in {re.escape(str(workspace))}: {WHY}"
        with read_only(place), pytest.raises(RunError, match=words):
            Control(workspace).take()
