"""Whether the last studio left as it should is told by what is there, never by a stored word."""

import os
import subprocess
import sys

import pytest

from studio.mark import NAME, Mark, bury

CRASH = """
import faulthandler, os, signal, sys
from pathlib import Path
from studio.mark import Mark
mark = Mark(Path(sys.argv[1]))
faulthandler.enable(mark.file)
print("open", flush=True)
if sys.argv[2] == "wait":
    sys.stdin.read()
elif sys.argv[2] == "leave":
    mark.leave()
else:
    os.kill(os.getpid(), getattr(signal, sys.argv[2]))
"""


def studio(folder, how):
    """A process that is as open as a studio."""
    return subprocess.Popen(
        [sys.executable, "-c", CRASH, str(folder), how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def test_who_leaves_leaves_nothing(tmp_path):
    mark = Mark(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [f"{NAME}{os.getpid()}"]
    mark.leave()
    mark.close()
    assert bury(tmp_path) == []
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("how", "stack"), [("SIGSEGV", True), ("SIGABRT", True), ("SIGKILL", False)]
)
def test_who_dies_is_found_once_with_the_stack_if_there_is_one(tmp_path, how, stack):
    studio(tmp_path, how).communicate()
    (found,) = bury(tmp_path)
    assert ("most recent call first" in found) == stack
    assert bury(tmp_path) == []


def test_a_studio_that_is_open_is_not_dead(tmp_path):
    other = studio(tmp_path, "wait")
    assert other.stdout.readline() == b"open\n"
    assert bury(tmp_path) == []
    other.kill()
    other.communicate()
    assert bury(tmp_path) == [""]


def test_of_two_only_the_dead_one_is_found(tmp_path):
    other = studio(tmp_path, "wait")
    other.stdout.readline()
    studio(tmp_path, "SIGKILL").communicate()
    assert bury(tmp_path) == [""]
    assert [p.name for p in tmp_path.iterdir()] == [f"{NAME}{other.pid}"]
    other.communicate()


def test_no_folder_is_no_death(tmp_path):
    assert bury(tmp_path / "none") == []
