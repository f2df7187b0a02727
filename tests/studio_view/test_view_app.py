"""The entry point: what it takes, what it refuses, what it does not import, how it fails."""

import logging
import subprocess
import sys

import PySide6
import pytest

from studio.app import refusal
from studio.faults import Faults
from studio.options import Options, read


@pytest.mark.parametrize(
    ("python", "pyside", "refused"),
    [
        ((3, 11), "6.11.3", False),
        ((3, 11), "6.12.0", True),
        ((3, 11), "6.13.1", True),
        ((3, 12), "6.12.0", False),
        ((3, 13), "6.12.1", False),
        ((3, 11), "7.0.0", True),
    ],
)
def test_a_pyside_that_would_abort_is_refused_in_a_sentence(python, pyside, refused):
    why = refusal(python, pyside)
    assert bool(why) is refused
    if refused:
        assert pyside in why
        assert "pip install" in why


def test_the_installed_pyside_is_not_refused_and_keeps_count_of_none():
    assert not refusal(sys.version_info[:2], PySide6.__version__)
    from PySide6.QtCore import QObject

    thing, before = QObject(), sys.getrefcount(None)
    for _ in range(1000):
        thing.setObjectName("x")
    assert before - sys.getrefcount(None) < 100


def test_options_are_read(tmp_path):
    assert read([]) == Options()
    found = read(["emoji", "--workspace", str(tmp_path), "--theme", "light", "--demo"])
    assert found == Options("emoji", tmp_path, "light", True)


@pytest.mark.parametrize("bad", [["--theme", "blue"], ["--nonsense"], ["a", "b"]])
def test_a_bad_command_line_leaves_with_2(bad, capsys):
    with pytest.raises(SystemExit) as left:
        read(bad)
    assert left.value.code == 2
    assert "flowmap-studio" in capsys.readouterr().err


def test_nothing_heavy_is_imported_before_the_window_stands():
    code = (
        "import studio.app, studio.start, sys;"
        "bad = {'torch', 'pyqtgraph', 'numpy', 'asyncio', 'qasync'} & set(sys.modules);"
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_nobody_caught_is_logged_and_shown(tmp_path):
    faults, said, before = Faults(tmp_path), [], sys.excepthook
    faults.show = said.append
    try:
        sys.excepthook(ValueError, ValueError("a slot failed"), None)
    finally:
        faults.release()
    assert "ValueError: a slot failed" in said[0]
    assert "a slot failed" in (tmp_path / "studio.log").read_text()
    assert sys.excepthook is not before
    assert not logging.getLogger("studio").handlers
