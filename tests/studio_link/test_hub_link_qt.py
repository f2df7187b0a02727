"""The link on the Qt loop: the window's own loop drives pipes and processes."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from qasync import QEventLoop

from engine.contract import messages as m
from studio.link.hub_link import HubLink
from studio.model.tasks import spawn

pytestmark = pytest.mark.gui
CHILD = Path(__file__).with_name("talking_child.py")
LIMIT = 15_000  # milliseconds


def linked(folder: Path) -> HubLink:
    command = [sys.executable, str(CHILD), "well", "-"]
    return HubLink(command=command, log=folder / "log")


def test_a_window_starts_asks_and_stops_again_and_again(
    qt_loop: QEventLoop, qtbot: QtBot, tmp_path: Path
) -> None:
    link = linked(tmp_path)
    ends: list[str] = []
    link.closed.connect(ends.append)
    for n in range(5):
        started = spawn(link.start())
        qtbot.waitUntil(started.done, timeout=LIMIT)
        answers = [spawn(link.request(lambda id: m.ReadJournal(id, "", 4000))) for _ in range(5)]
        lost: list[str] = []
        spawn(link.request(lambda id: m.Jump(id, "", m.Source(), 1.0, 0.0)), refused=lost.append)
        qtbot.waitUntil(lambda answers=answers: all(a.done() for a in answers), timeout=LIMIT)
        assert all(len(a.result()[1]) == 4000 * 256 for a in answers)
        stopped = spawn(asyncio.wait_for(link.stop(), 15))
        qtbot.waitUntil(stopped.done, timeout=LIMIT)
        assert lost == ["The engine was stopped."]
        assert ends == [""] * (n + 1)


def test_a_killed_engine_is_told_on_the_qt_loop(
    qt_loop: QEventLoop, qtbot: QtBot, tmp_path: Path
) -> None:
    link = linked(tmp_path)
    started = spawn(link.start())
    qtbot.waitUntil(started.done, timeout=LIMIT)
    with qtbot.waitSignal(link.closed, timeout=LIMIT) as closed:
        os.kill(link.pid, signal.SIGKILL)
    assert "signal 9" in closed.args[0]
    gone = spawn(link.stop())
    qtbot.waitUntil(gone.done, timeout=LIMIT)


def test_a_coroutine_runs_to_its_end_on_the_qt_loop(
    qt_loop: QEventLoop, qtbot: QtBot, tmp_path: Path
) -> None:
    times: list[float] = []

    async def tick() -> None:
        for _ in range(3):
            await asyncio.sleep(0.001)
            times.append(asyncio.get_running_loop().time())

    ticking = spawn(tick())
    qtbot.waitUntil(ticking.done, timeout=LIMIT)
    assert times == sorted(times)
    assert len(times) == 3
