"""How fast a training is told to be, and when it will end."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from session_support import script

from engine.contract.messages import Progress
from engine.contract.specs import CD, Teacher
from engine.worker.heartbeat import Heartbeat, Pace
from engine.worker.session import train_session

# torch itself calls what it deprecates, at its first forward-mode derivative.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")


@given(st.floats(0.1, 1000), st.integers(0, 10**6))
def test_at_a_steady_speed_the_time_that_is_left_is_exact(rate: float, first: int) -> None:
    pace = Pace()
    assert pace.rate == 0
    assert pace.eta(100) == -1
    for tick in range(1000):
        pace.mark(first + int(tick * 0.1 * rate), tick * 0.1)
        assert pace.eta(100) == -1 or tick * 0.1 >= 2
    assert abs(pace.rate - rate) <= max(0.04, 0.02 * rate)
    if pace.rate:
        assert pace.eta(500) == 500 / pace.rate
    pace.reset()
    assert pace.eta(100) == -1


def test_a_new_speed_is_told_within_half_a_minute() -> None:
    pace, now, step = Pace(), 0.0, 0
    for rate in (100, 10):
        for _ in range(310):
            now, step = now + 0.1, step + rate // 10
            pace.mark(step, now)
    assert abs(pace.rate - 10) < 1


def test_a_pause_does_not_count_as_slowness() -> None:
    beat = Heartbeat("x", lambda progress: None)
    beat.state, beat.step, beat.steps = "paused", 5, 10
    assert beat.progress().eta == -1
    assert beat.progress().rate == 0


@given(st.floats(0.5, 60), st.floats(1, 300))
def test_a_long_preview_is_part_of_the_time_and_the_rate_is_never_nothing(long, rate) -> None:
    pace, now, step = Pace(), 0.0, 0.0
    for _ in range(4):
        for _ in range(100):
            now, step = now + 0.1, step + 0.1 * rate
            pace.mark(int(step), now)
        told, end = pace.rate, now + long
        while now < end:
            now += 0.1
            pace.mark(int(step), now)
            assert 0 < pace.rate <= told * 1.01
            assert pace.eta(100) > 0


def test_a_process_that_stood_still_estimates_anew() -> None:
    """A laptop that slept, a SIGSTOP: the hours between two beats are no slowness."""
    pace = Pace()
    for tick in range(100):
        pace.mark(tick, tick * 0.1)
    assert pace.eta(100) == pytest.approx(10, rel=0.02)
    pace.mark(101, 3600.0)
    assert (pace.rate, pace.eta(100)) == (0.0, -1.0)
    for tick in range(100):
        pace.mark(101 + tick, 3600.0 + tick * 0.1)
    assert pace.eta(100) == pytest.approx(10, rel=0.02)


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("engine.worker.heartbeat.time.monotonic", lambda: now[0])
    return now


def running(beat: Heartbeat, clock: list[float], seconds: float, rate: float) -> Progress:
    for _ in range(round(seconds * 10)):
        clock[0] += 0.1
        beat.step += round(rate / 10)
        found = beat.progress()
    return found


def test_a_session_estimates_first_and_after_a_pause_and_at_the_border_of_phases(clock) -> None:
    """What an earlier session, the teacher or the making of a pool took does not count."""
    beat = Heartbeat("x", lambda progress: None)
    beat.state, beat.step, beat.steps = "running", 5000, 10_000
    assert running(beat, clock, 1.8, 100).eta == -1
    assert running(beat, clock, 5, 100).eta == pytest.approx((10_000 - beat.step) / 100, rel=0.01)
    beat.state = "paused"
    assert running(beat, clock, 60, 0).eta == -1
    beat.state = "running"
    assert running(beat, clock, 1.8, 100).eta == -1
    assert running(beat, clock, 5, 100).rate == pytest.approx(100, rel=0.01)
    beat.anew()  # the student begins, ten times as slow
    assert running(beat, clock, 1.8, 10).eta == -1
    found = running(beat, clock, 5, 10)
    assert found.rate == pytest.approx(10, rel=0.01)
    assert found.eta == pytest.approx((10_000 - beat.step) / 10, rel=0.01)


def test_the_step_only_ever_rises_across_phases_pauses_and_saves(run, points, monkeypatch) -> None:
    monkeypatch.setattr("engine.worker.heartbeat.PERIOD", 0.001)
    seen: list[Progress] = []
    actions = [None, None, "pause", "save", "sample", None, "continue", None, "save"]
    spec = replace(points, method=CD(teacher=Teacher(steps=7)))
    train_session(
        run.path, spec, Path("/nowhere"), threads=1, control=script(*actions), report=seen.append
    )
    steps = [p.step for p in seen if p.state != "starting"]
    assert steps == sorted(steps)
    assert steps[-1] == seen[-1].steps == 27
