"""What no one caught is logged and told once; a crash leaves its stack; no disk stops nothing."""

import asyncio
import logging
import subprocess
import sys
import threading

import pytest
from PySide6.QtCore import QtMsgType, qInstallMessageHandler, qWarning

from studio import faults as faults_file
from studio.faults import OF_A_KIND, Faults


@pytest.fixture
def faults(tmp_path):
    found = Faults(tmp_path)
    found.said = []
    found.show = found.said.append
    yield found
    found.leave()
    found.release()


def log_of(faults):
    return (faults.folder / "studio.log").read_text()


def fail(text="a slot failed"):
    """An exception with a place, as a slot raises it."""
    try:
        raise ValueError(text)
    except ValueError as error:
        return type(error), error, error.__traceback__


def test_a_fault_of_every_frame_is_told_a_few_times_and_logged_once(faults):
    for _ in range(100):
        sys.excepthook(*fail())
    assert len(faults.said) == 7  # the 1st, 2nd, 4th … 64th
    assert "64 times now" in faults.said[-1]
    assert log_of(faults).count("Traceback") == 1
    sys.excepthook(KeyError, KeyError("another"), None)
    assert "KeyError" in faults.said[-1]


def test_a_task_and_a_callback_that_fail_are_told(faults):
    async def scenario():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(faults.in_loop)
        loop.call_soon(lambda: 1 / 0)
        await asyncio.sleep(0.01)

    asyncio.run(scenario())
    faults.in_loop(None, {"message": "a transport was not closed"})
    assert "ZeroDivisionError" in faults.said[0]
    assert "ZeroDivisionError" in log_of(faults)
    assert "a transport was not closed" in log_of(faults)


def test_a_thread_that_fails_is_logged(faults):
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
    assert "not caught in a thread" in log_of(faults)
    assert "ZeroDivisionError" in log_of(faults)


def test_what_qt_says_is_logged_but_not_for_ever(faults):
    for _ in range(5 * OF_A_KIND):
        qWarning("QPainter: not active")
    assert log_of(faults).count("QPainter: not active") == OF_A_KIND


def test_every_hook_is_given_back(tmp_path):
    said = []
    kept = qInstallMessageHandler(lambda kind, context, text: said.append((kind, text)))
    try:
        before = sys.excepthook, threading.excepthook, sys.unraisablehook
        faults = Faults(tmp_path)
        assert sys.excepthook is not before[0]
        faults.leave()
        faults.release()
        assert (sys.excepthook, threading.excepthook, sys.unraisablehook) == before
        assert not logging.getLogger("studio").handlers
        qWarning("after")
    finally:
        qInstallMessageHandler(kept)
    assert said == [(QtMsgType.QtWarningMsg, "after")]


def test_the_log_starts_over_when_it_is_large(tmp_path, monkeypatch):
    monkeypatch.setattr(faults_file, "LARGE", 4000)
    faults = Faults(tmp_path)
    for k in range(400):
        faults_file.LOGGER.error("line %d", k)
    faults.leave()
    faults.release()
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert len(sizes) == 2
    assert max(sizes) <= 4000
    assert "line 399" in (tmp_path / "studio.log").read_text()


def test_where_nothing_can_be_written_the_window_still_opens(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    faults = Faults(tmp_path / "file" / "logs")
    sys.excepthook(*fail())
    faults.leave()
    faults.release()
    assert not faults.died
    assert "a slot failed" in capsys.readouterr().err


CRASHING = """
import ctypes, sys
from pathlib import Path
from studio.faults import Faults
faults = Faults(Path(sys.argv[1]))
print(faults.died, flush=True)
if sys.argv[2] == "crash":
    ctypes.string_at(0)
if sys.argv[2] == "leave":
    faults.leave()
faults.release()
"""


def crashing(folder, how):
    found = subprocess.run(
        [sys.executable, "-c", CRASHING, str(folder), how], capture_output=True, text=True
    )
    return found.stdout.strip(), found.returncode


def test_a_crash_leaves_its_stack_and_the_next_start_knows(tmp_path):
    assert crashing(tmp_path, "leave") == ("False", 0)
    said, code = crashing(tmp_path, "crash")
    assert said == "False"
    assert code < 0
    assert crashing(tmp_path, "leave") == ("True", 0)
    stack = (tmp_path / "crash.log").read_text()
    assert "Segmentation fault" in stack
    assert "string_at" in stack
    assert crashing(tmp_path, "leave") == ("False", 0)


def test_who_ends_by_an_error_did_not_leave_as_it_should(tmp_path):
    assert crashing(tmp_path, "fall") == ("False", 0)
    assert crashing(tmp_path, "leave") == ("True", 0)


@pytest.mark.parametrize("unanswered", [True, False])
def test_a_question_that_nobody_answered_is_asked_again(tmp_path, unanswered):
    (tmp_path / "open-1").write_text("a stack")  # of a studio that died
    first = Faults(tmp_path)
    first.unanswered = first.died and unanswered
    first.leave()
    first.release()
    second = Faults(tmp_path)
    second.leave()
    second.release()
    assert (first.died, second.died) == (True, unanswered)
