"""Spawned coroutines: none lost, none silent; and the newest wish wins."""

import asyncio
import sys

import pytest
from loops import run, settle

from studio.link.link import LinkClosed, Refusal
from studio.model import tasks
from studio.model.newest import Newest
from studio.model.tasks import spawn


async def _fail(error: Exception) -> None:
    await asyncio.sleep(0)
    raise error


def test_a_fault_reaches_the_excepthook(monkeypatch: pytest.MonkeyPatch) -> None:
    caught: list[BaseException] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: caught.append(error))
    faults = [ValueError("one"), Refusal("two"), LinkClosed("three")]

    async def scenario() -> None:
        for fault in faults:
            spawn(_fail(fault))
        await settle()

    run(scenario())
    assert caught == faults


def test_a_refusal_is_told_as_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    caught: list[BaseException] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: caught.append(error))
    told: list[str] = []
    fault = ValueError("a bug")

    async def scenario() -> None:
        for error in (Refusal("No."), LinkClosed("Gone."), fault):
            spawn(_fail(error), refused=told.append)
        await settle()

    run(scenario())
    assert told == ["No.", "Gone."]
    assert caught == [fault]


def test_cancelling_all_waits_for_the_end() -> None:
    ended: list[int] = []

    async def work(n: int) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(n)

    async def scenario() -> None:
        for n in range(3):
            spawn(work(n))
        await settle()
        assert tasks.running() == 3
        await tasks.cancel_all()
        assert sorted(ended) == [0, 1, 2]
        assert tasks.running() == 0

    run(scenario())


@pytest.mark.parametrize("waits", [0, 1, 3])
def test_what_begins_at_once_goes_on_as_any_task(waits: int) -> None:
    async def work(seen: list[int]) -> str:
        seen.append(0)
        for n in range(waits):
            found = await asyncio.gather(asyncio.sleep(0, n), asyncio.sleep(0))
            seen.append(1 + found[0])
        return "done"

    async def scenario() -> None:
        later: list[int] = []
        now: list[int] = []
        waiting, begun = spawn(work(later)), spawn(work(now), at_once=True)
        assert (later, now) == ([], [0])
        assert await begun == await waiting == "done"
        assert now == later == list(range(waits + 1))

    run(scenario())


def test_what_begins_at_once_fails_and_is_cancelled_as_any_task(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caught: list[BaseException] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: caught.append(error))
    faults = [ValueError("before it waits"), ValueError("later")]
    ended: list[str] = []

    async def fails_now() -> None:
        raise faults[0]

    async def waits() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    async def scenario() -> None:
        spawn(fails_now(), at_once=True)
        spawn(_fail(faults[1]), at_once=True)
        task = spawn(waits(), at_once=True)
        await settle()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert tasks.running() == 0

    run(scenario())
    assert caught == faults
    assert ended == ["cancelled"]


def test_wishes_made_meanwhile_lead_to_one_more_call() -> None:
    async def scenario() -> None:
        gate = asyncio.Event()
        seen: list[int] = []
        value = 0

        async def work() -> None:
            seen.append(value)
            await gate.wait()

        newest = Newest(work)
        for value in range(1, 1001):
            newest.wish()
            if value % 100 == 0:
                await settle(2)
        assert newest.waiting
        gate.set()
        await settle()
        assert seen == [100, 1000]
        assert not newest.waiting
        newest.wish()
        await settle()
        assert seen == [100, 1000, 1000]

    run(scenario())


def test_a_failing_call_does_not_end_the_wishing(monkeypatch: pytest.MonkeyPatch) -> None:
    caught: list[BaseException] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: caught.append(error))

    async def scenario() -> None:
        newest = Newest(lambda: _fail(ValueError("a bug")))
        for _ in range(2):
            newest.wish()
            await settle()

    run(scenario())
    assert len(caught) == 2
