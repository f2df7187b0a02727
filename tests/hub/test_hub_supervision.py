"""Workers that die are followed by another, those that stand still are asked why, and those that
do not stop are made to; whatever is done is told.
"""

import asyncio
import os
import signal
from functools import partial

import pytest
from hub_support import hub_here, points_spec, soon, workers

from engine.contract.messages import (
    ControlRun,
    EngineNote,
    GetRuns,
    Progress,
    RunChanged,
    StartRun,
)
from engine.hub import restarts, silence
from engine.hub.restarts import Restarts
from engine.hub.silence import Silence

pytestmark = pytest.mark.usefixtures("fake_train")
FAKE = "fake_train_worker"


async def begin(studio, name, state="running"):
    await studio.get(lambda id: StartRun(id, points_spec(), name))
    await studio.state(name, state)


def notes(studio):
    return [m.text for m in studio.notices if isinstance(m, EngineNote)]


def log_of(workspace, name):
    return (workspace / "runs" / name / "log.txt").read_text()


def lives(workspace, name):
    file = workspace / "runs" / name / "lives"
    return len(file.read_text()) if file.exists() else 0


def test_a_worker_that_dies_twice_is_followed_by_a_third(workspace):
    async def check():
        async with hub_here(workspace) as studio:
            await begin(studio, "twice")
            await soon(lambda: lives(workspace, "twice") == 3)
            await studio.notice(lambda m: isinstance(m, Progress) and m.step > 9)
            (known,) = (await studio.get(GetRuns)).runs
            assert known.state == "running"
            assert known.message.endswith("it was started again from step 7 (2 of 3).")
            assert len([n for n in notes(studio) if "signal 9 (SIGKILL)" in n]) == 2

    asyncio.run(check())
    assert log_of(workspace, "twice").count("it was started again") == 2


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("killed", "was killed by signal 9 (SIGKILL)"),
        ("faulty", "was killed by signal 6 (SIGABRT)"),
        ("unplugged", "left with exit code 5 (the device was lost"),
    ],
)
def test_after_three_new_starts_it_stays_down_and_says_why(workspace, name, words):
    async def check():
        async with hub_here(workspace) as studio:
            await studio.get(lambda id: StartRun(id, points_spec(), name))
            info = await studio.state(name, "failed")
            assert words in info.message
            assert "after 3 new starts" in info.message

    asyncio.run(check())
    assert lives(workspace, name) == 4


def test_a_worker_that_says_why_it_failed_is_not_started_again(workspace):
    async def check():
        async with hub_here(workspace) as studio:
            await studio.get(lambda id: StartRun(id, points_spec(), "dies"))
            assert "exit code 1" in (await studio.state("dies", "failed")).message

    asyncio.run(check())
    assert lives(workspace, "dies") == 1


def test_a_run_that_was_stopped_is_not_started_again(workspace, quick, monkeypatch):
    monkeypatch.setattr("engine.hub.training.PAUSE", 3600.0)

    async def check():
        async with hub_here(workspace) as studio:
            await studio.get(lambda id: StartRun(id, points_spec(), "killed"))
            await studio.notice(lambda m: isinstance(m, RunChanged) and "again" in m.run.message)
            await studio.get(lambda id: ControlRun(id, "killed", "stop"))
            await studio.state("killed", "failed", "stopped")
            await asyncio.sleep(1.5)  # more than the ladder takes: there is nobody to be told
            assert not [n for n in notes(studio) if "SIGTERM" in n]

    asyncio.run(check())
    assert lives(workspace, "killed") == 1


def test_the_hub_leaves_while_a_worker_is_about_to_be_started_again(workspace, monkeypatch):
    monkeypatch.setattr("engine.hub.training.PAUSE", 3600.0)

    async def check():
        async with hub_here(workspace) as studio:
            await studio.get(lambda id: StartRun(id, points_spec(), "killed"))
            await studio.notice(lambda m: isinstance(m, RunChanged) and "again" in m.run.message)

    asyncio.run(check())
    assert lives(workspace, "killed") == 1


def test_a_pause_outlives_the_worker(workspace):
    async def check():
        async with hub_here(workspace) as studio:
            await begin(studio, "steady")
            await studio.get(lambda id: ControlRun(id, "steady", "pause"))
            await studio.state("steady", "paused")
            workers(FAKE)[0].kill()
            await studio.state("steady", "starting")
            await studio.state("steady", "paused")

    asyncio.run(check())


def test_restarts_are_counted_within_ten_minutes_by_a_clock_that_nobody_sets():
    now = 0.0
    counted = Restarts(lambda: now)
    assert [counted.allowed() for _ in range(5)] == [True] * 3 + [False] * 2
    now = restarts.WITHIN - 1
    assert not counted.allowed()
    now = restarts.WITHIN + 1
    assert counted.allowed()


def progress(step, phase="training", rate=0.0, state="running"):
    return Progress("a", state, phase, step, 100, rate=rate)


def lived(quiet, seconds, start=0):
    """So many seconds of the hub's own clock, tick by tick."""
    for now in range(int(seconds) + 1):
        quiet.tick(float(start + now))


@pytest.mark.parametrize(
    ("news", "limit"),
    [
        (progress(5, rate=10.0), 60.0),
        (progress(5, rate=0.1), 300.0),
        (progress(5), silence.OTHER),  # no step was timed yet
        (progress(0, "loading", state="starting"), silence.OTHER),
        (progress(5, "saving", 10.0), silence.OTHER),
        (progress(5, "compiling", 10.0), 1800.0),
        (progress(5, "teacher", 10.0), 60.0),
    ],
)
def test_a_worker_is_silent_after_its_limit_and_not_before(news, limit):
    quiet = Silence()
    quiet.take(news)
    lived(quiet, limit - 1)
    assert not quiet.silent
    quiet.take(news)  # a heartbeat without a move changes nothing
    lived(quiet, 4, limit)
    assert quiet.silent
    quiet.take(progress(6))
    assert not quiet.silent


@pytest.mark.parametrize("state", ["paused", "stopping"])
def test_a_run_that_is_paused_or_stopping_is_never_silent(state):
    quiet = Silence()
    quiet.take(progress(5, rate=10.0, state=state))
    lived(quiet, 10**5)
    assert not quiet.silent


def test_a_machine_that_slept_is_nobodys_silence():
    quiet = Silence()
    quiet.take(progress(5, rate=10.0))
    for now in (0.0, 1.0, 10_001.0, 10_002.0, 50_000.0):
        quiet.tick(now)
    assert quiet.seconds < 6
    assert not quiet.silent


def test_the_slowest_of_usual_steps_is_not_forgotten_in_a_hang():
    quiet = Silence()
    quiet.take(progress(5, rate=10.0))
    quiet.take(progress(6, rate=10.0))
    quiet.take(progress(6, rate=0.001))  # what the heartbeat makes of a hang
    assert quiet.limit == silence.LEAST


@pytest.fixture
def quick(monkeypatch):
    """Limits that a test can wait for."""
    monkeypatch.setattr("engine.hub.silence.LEAST", 0.3)
    for place in ("silence", "training", "ending"):
        monkeypatch.setattr(f"engine.hub.{place}.TICK", 0.05)
    monkeypatch.setattr("engine.hub.training.STACK", 0.3)
    monkeypatch.setattr("engine.hub.ending.STEP", 0.6)
    monkeypatch.setattr("engine.hub.ending.OTHER", 0.6)
    monkeypatch.setattr("engine.hub.ending.TOLD", 0.6)
    monkeypatch.setattr("engine.hub.ending.SHOWN", 0.0)


def test_a_hung_worker_shows_where_it_is_and_lives(workspace, quick):
    async def check():
        async with hub_here(workspace) as studio:
            await begin(studio, "hangs")
            info = await studio.state("hangs", "silent")
            assert "has not moved" in info.message
            await studio.notice(lambda m: isinstance(m, Progress) and m.state == "silent")
            told = await studio.notice(lambda m: isinstance(m, EngineNote) and "hangs" in m.text)
            assert "process.py" in told.text  # the wait of the fake worker's channel
            await asyncio.sleep(0.5)
            assert len(workers(FAKE)) == 1
            assert len([n for n in notes(studio) if "not moved" in n]) == 1  # asked once
            await studio.get(lambda id: ControlRun(id, "hangs", "save"))
            assert (await studio.state("hangs", "running")).message == ""

    asyncio.run(check())
    log = log_of(workspace, "hangs")
    assert "most recent call first" in log
    assert "fake_train_worker.py" in log


def test_a_worker_that_the_system_stopped_cannot_say_where_it_is(workspace, quick):
    async def check():
        async with hub_here(workspace) as studio:
            await begin(studio, "hangs")
            await studio.notice(lambda m: isinstance(m, Progress) and m.step > 0)
            (worker,) = workers(FAKE)
            worker.suspend()
            await studio.state("hangs", "silent")
            note = await studio.notice(lambda m: isinstance(m, EngineNote) and "hangs" in m.text)
            assert "does not say where it is" in note.text
            worker.resume()

    asyncio.run(check())


def test_a_stop_that_is_not_met_is_followed_by_signals_that_are_told(workspace, quick):
    async def check():
        async with hub_here(workspace) as studio:
            await begin(studio, "stubborn")
            await studio.get(lambda id: ControlRun(id, "stubborn", "stop"))
            info = await studio.state("stubborn", "stopped", "failed")
            assert "signal 9" in info.message
            told = [m.run.message for m in studio.notices if isinstance(m, RunChanged)]
            assert not told  # `state` took them; what was done is told as notes
            done = [n for n in notes(studio) if n.startswith("stubborn")]
            assert ["SIGTERM" in n or "SIGKILL" in n for n in done] == [True, True]

    asyncio.run(check())
    log = log_of(workspace, "stubborn")
    assert log.index("SIGTERM") < log.index("SIGKILL")
    assert lives(workspace, "stubborn") == 1


def test_what_comes_next_is_counted_down(workspace, quick):
    def counts(notice):
        return isinstance(notice, RunChanged) and "its process is told to end in" in (
            notice.run.message
        )

    async def check():
        async with hub_here(workspace) as studio:
            await begin(studio, "stubborn")
            await studio.get(lambda id: ControlRun(id, "stubborn", "stop"))
            assert (await studio.notice(counts)).run.state == "stopping"
            await studio.state("stubborn", "stopped", "failed")

    asyncio.run(check())


def test_a_worker_that_saves_is_not_ended(workspace, quick):
    async def check():
        async with hub_here(workspace) as studio:
            await begin(studio, "saves forever")
            await studio.get(lambda id: ControlRun(id, "saves forever", "stop"))
            await studio.notice(
                lambda m: isinstance(m, RunChanged) and "is not disturbed" in m.run.message
            )
            await asyncio.sleep(2.0)  # more than the whole ladder takes
            assert len(workers(FAKE)) == 1
            assert not notes(studio)
            await studio.get(lambda id: ControlRun(id, "saves forever", "kill"))  # by hand alone
            info = await studio.state("saves forever", "stopped")
            assert "resume it from its checkpoint of step 7" in info.message

    asyncio.run(check())
    assert "as it was asked for" in log_of(workspace, "saves forever")


def test_a_megabyte_of_stray_prints_leaves_the_stream_intact(workspace):
    async def check():
        async with hub_here(workspace) as studio:
            await begin(studio, "chatty")
            await studio.notice(lambda m: isinstance(m, Progress) and m.step > 5)
            await studio.get(partial(ControlRun, run="chatty", action="stop"))
            await studio.state("chatty", "stopped")

    asyncio.run(check())
    log = log_of(workspace, "chatty")
    assert log.count("stray ") > 1000
    assert log.count("print ") > 1000
    assert len(log) < 1 << 19  # the end of it: no log grows without bound


def test_what_is_printed_without_end_fills_no_disk(workspace, quick, monkeypatch):
    monkeypatch.setattr("engine.hub.child._TOO_MUCH", 1 << 18)
    blocks = []

    async def check():
        async with hub_here(workspace) as studio:
            from engine.hub import child

            forget = child.Child.forget_much

            def watched(self):
                forget(self)
                blocks.append(os.fstat(self._printed.fileno()).st_blocks * 512)

            monkeypatch.setattr(child.Child, "forget_much", watched)
            await begin(studio, "chatty")
            await studio.notice(lambda m: isinstance(m, Progress) and m.step > 20)

    asyncio.run(check())
    assert max(blocks) <= 1 << 18


def test_sigterm_of_a_worker_saves_and_starts_nothing_again(workspace):
    async def check():
        async with hub_here(workspace) as studio:
            await begin(studio, "steady")
            await studio.notice(lambda m: isinstance(m, Progress) and m.step > 2)
            workers(FAKE)[0].send_signal(signal.SIGTERM)
            assert (await studio.state("steady", "stopped", "failed")).state == "stopped"

    asyncio.run(check())
    assert lives(workspace, "steady") == 1
