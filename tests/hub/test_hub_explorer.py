"""The explore worker is started when asked, started anew after a crash, and no id stays open."""

import asyncio

import pytest
from hub_support import hub_here, points_spec, soon, workers

from engine.contract.messages import (
    SUPERSEDED,
    ControlRun,
    Done,
    EngineNote,
    Jump,
    Jumped,
    OpenModel,
    Refused,
    Source,
    StartRun,
    Trace,
)
from engine.hub import machine
from engine.hub.explorer import Explorer

pytestmark = pytest.mark.usefixtures("fake_explore")
FAKE = "fake_explore_worker"


def test_it_is_started_when_first_asked_and_once(workspace):
    async def check():
        async with hub_here(workspace) as studio:
            await asyncio.sleep(0.1)
            assert not workers(FAKE)
            for _ in range(3):
                assert isinstance(await studio.get(lambda id: OpenModel(id, "m")), Done)
            jumped, payload = await studio.ask(lambda id: Jump(id, "m", Source(), 0.5, 0.25))
            assert isinstance(jumped, Jumped)
            assert (jumped.t, jumped.s, payload) == (0.5, 0.25, b"payload")
            assert len(workers(FAKE)) == 1
            pids = {m.text for m in studio.notices if "opened" in getattr(m, "text", "")}
            assert len(pids) == 1
            assert not [m for m in studio.notices if isinstance(m, Done)]  # no answer twice

    asyncio.run(check())


def test_whoever_asks_first_beside_another_starts_one_worker_and_no_second(workspace):
    """A picture that was taken in asks from beside the stream."""

    class Box:
        def __init__(self):
            self.answered = []

        def put(self, message):
            self.answered.append(message)

        def put_frame(self, frame):
            self.answered.append(frame)

    async def check():
        box = Box()
        explorer = Explorer(workspace, box)
        await asyncio.gather(*(explorer.ask(OpenModel(id, "m")) for id in range(3)))
        await soon(lambda: len([a for a in box.answered if isinstance(a, bytes)]) == 3)
        assert len(workers(FAKE)) == 1
        await explorer.stop()

    asyncio.run(check())


@pytest.mark.parametrize(
    ("name", "words"),
    [("killed", "signal 9"), ("dies", "exit code 1"), ("babbles", "signal 9")],
)
def test_a_crash_refuses_what_waits_and_the_next_request_starts_another(workspace, name, words):
    async def check():
        async with hub_here(workspace) as studio:
            waiting = [studio.ask(lambda id: OpenModel(id, "silent")) for _ in range(3)]
            waiting.append(studio.ask(lambda id: OpenModel(id, name)))
            for answer, _ in await asyncio.gather(*waiting):
                assert isinstance(answer, Refused)
                assert words in answer.message
            note = await studio.notice(lambda m: isinstance(m, EngineNote) and m.level == "error")
            assert words in note.text
            assert name != "dies" or "It broke: the last line." in note.text
            assert isinstance(await studio.get(lambda id: OpenModel(id, "m")), Done)

    asyncio.run(check())


def test_what_waits_is_bounded(workspace):
    async def check():
        async with hub_here(workspace) as studio:
            waiting = [
                asyncio.ensure_future(studio.ask(lambda id: OpenModel(id, "silent")))
                for _ in range(70)
            ]
            refused, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            assert all("behind" in task.result()[0].message for task in refused)
            await soon(lambda: sum(task.done() for task in waiting) == 6)
            workers(FAKE)[0].kill()
            assert all(isinstance(answer, Refused) for answer, _ in await asyncio.gather(*waiting))

    asyncio.run(check())


def test_of_a_flood_the_worker_sees_little_and_the_last_is_answered(workspace):
    """Two jumps are at the worker, a third waits; each other one gives way at once."""

    async def check():
        async with hub_here(workspace) as studio:
            asked = [
                studio.ask(lambda id, s=k / 1000: Jump(id, "slow", Source(), 1.0, s))
                for k in range(1001)
            ]
            *others, (last, payload) = await asyncio.gather(*asked)
            assert (last.s, payload) == (1.0, b"payload")
            refused = [m.message for m, _ in others if isinstance(m, Refused)]
            assert set(refused) == {SUPERSEDED}
            assert len(others) - len(refused) <= 5  # it took its time for each of them

    asyncio.run(check())


def test_what_is_held_back_is_refused_when_the_worker_dies(workspace):
    async def check():
        async with hub_here(workspace) as studio:
            asked = [
                asyncio.ensure_future(studio.ask(lambda id: Trace(id, "m", Source(), 1.0, 0.0)))
                for _ in range(4)
            ]
            assert (await asked[2])[0].message == SUPERSEDED
            workers(FAKE)[0].kill()
            for task in (asked[0], asked[1], asked[3]):
                assert "signal 9" in (await task)[0].message
            assert isinstance(await studio.get(lambda id: OpenModel(id, "m")), Done)

    asyncio.run(check())


def test_every_kind_of_question_reaches_it(workspace):
    async def check():
        async with hub_here(workspace) as studio:
            trace = asyncio.ensure_future(studio.ask(lambda id: Trace(id, "m", Source(), 1.0, 0.0)))
            await studio.get(lambda id: OpenModel(id, "m"))
            assert not trace.done()
            workers(FAKE)[0].kill()
            assert isinstance((await trace)[0], Refused)

    asyncio.run(check())


def test_it_takes_one_thread_while_something_is_trained(workspace, fake_train, monkeypatch):
    monkeypatch.setattr(machine, "cores", lambda: 8)

    def threads(studio):
        found = [m.text for m in studio.notices if "threads" in getattr(m, "text", "")]
        return [int(text.split()[0]) for text in found]

    async def check():
        async with hub_here(workspace) as studio:
            await studio.get(lambda id: OpenModel(id, "m"))
            await soon(lambda: threads(studio) == [4])
            name = (await studio.get(lambda id: StartRun(id, points_spec()))).run.name
            await soon(lambda: threads(studio) == [4, 1])
            await studio.state(name, "running")
            await studio.get(lambda id: ControlRun(id, name, "stop"))
            await soon(lambda: threads(studio) == [4, 1, 4])

    asyncio.run(check())
