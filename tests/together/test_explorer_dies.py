"""Whatever becomes of the explorer, a training goes on, and the next jump is answered."""

import asyncio
import os
import signal

import psutil
import pytest
from hub_support import Studio, hub_process, workers
from test_together import EXPLORE, TRAIN, control, history, rows_are_whole, start, step_beyond

from engine.contract.messages import (
    SUPERSEDED,
    EngineNote,
    Jump,
    Jumped,
    Map,
    Measure,
    OpenModel,
    Refused,
    Source,
    Trace,
)

MODEL = "points-eight-gaussians"
POINTS = Source(count=2048)
MANY = Source(count=2_000_000)  # 16 MB a state
MOST = Source(count=4096)  # that quality is measured on: 64 MB of distances
ROOM = 24 << 20  # bytes that are left to the explorer where memory is short


async def begun(studio: Studio) -> str:
    """The name of a run that is being trained while a model is explored."""
    name = await start(studio)
    await studio.get(lambda id: OpenModel(id, MODEL))
    assert isinstance(await jump(studio, 0.0), Jumped)
    return name


async def jump(studio: Studio, s: float, source: Source = POINTS) -> Jumped | Refused:
    return (await studio.ask(lambda id: Jump(id, MODEL, source, 1.0, s)))[0]


async def goes_on(studio: Studio, name: str, worker: int) -> None:
    """The same process trains, beyond where it was."""
    at = (await step_beyond(studio, name, 0)).step
    await step_beyond(studio, name, at)
    assert [process.pid for process in workers(TRAIN)] == [worker]


async def ended_whole(studio: Studio, name: str) -> None:
    """Stop the training: no row of its journal is missing, and nothing went wrong in it."""
    await control(studio, name, "stop")
    last = await studio.state(name, "stopped")
    found = await history(studio, name)
    assert rows_are_whole(found)
    assert len(found.steps) == last.step
    assert found.ended.how == "stopped"


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGSEGV])
def test_an_explorer_that_is_killed_among_jumps_stops_no_training(workspace, kind):
    async def check():
        async with hub_process(workspace) as (studio, _):
            name = await begun(studio)
            (trains,), (explores,) = workers(TRAIN), workers(EXPLORE)
            asked = [asyncio.ensure_future(jump(studio, k / 300)) for k in range(300)]
            await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            os.kill(explores.pid, kind)
            for answer in await asyncio.gather(*asked):
                if isinstance(answer, Refused) and answer.message != SUPERSEDED:
                    assert answer.message.endswith("starts anew; try again.")
                    assert kind.name in answer.message
            note = await studio.notice(lambda m: isinstance(m, EngineNote) and m.level == "error")
            assert note.text == f"The explorer was killed by signal {kind:d} ({kind.name})."
            answer = await jump(studio, 0.5)
            if isinstance(answer, Refused):  # it came before the end was told
                answer = await jump(studio, 0.5)
            assert isinstance(answer, Jumped)
            assert workers(EXPLORE)[0].pid != explores.pid
            await goes_on(studio, name, trains.pid)
            await ended_whole(studio, name)

    asyncio.run(check())


def test_an_explorer_without_memory_says_so_and_lives(workspace):
    places = tuple((t / 24, 0.0) for t in range(1, 25))

    async def check():
        async with hub_process(workspace) as (studio, _):
            name = await begun(studio)
            (trains,), (explores,) = workers(TRAIN), workers(EXPLORE)
            assert int(oom_score(explores)) > int(oom_score(trains))
            most = explores.memory_info().data + ROOM
            explores.rlimit(psutil.RLIMIT_DATA, (most, most))
            for request in (
                lambda id: Jump(id, MODEL, MANY, 1.0, 0.5),
                lambda id: Trace(id, MODEL, MANY, 1.0, 0.5),
                lambda id: Map(id, MODEL, "error", MANY, places),
                lambda id: Measure(id, MODEL, MOST, 1),
            ):
                words = await studio.refusal(request)
                assert words.startswith("Memory ran out; ask for fewer samples"), words
                assert isinstance(await jump(studio, 0.5), Jumped)
            assert [process.pid for process in workers(EXPLORE)] == [explores.pid]
            await goes_on(studio, name, trains.pid)
            await ended_whole(studio, name)

    asyncio.run(check())


def oom_score(process: psutil.Process) -> str:
    """How soon the system ends a process where memory runs out: more is sooner."""
    with open(f"/proc/{process.pid}/oom_score_adj") as file:
        return file.read()


def test_of_a_thousand_jumps_a_second_the_last_is_shown_and_training_goes_on(workspace):
    async def check():
        async with hub_process(workspace) as (studio, _):
            name = await begun(studio)
            (trains,) = workers(TRAIN)
            before = (await step_beyond(studio, name, 0)).step
            asked = []
            for k in range(1, 2001):
                asked.append(asyncio.ensure_future(jump(studio, k / 2000)))
                await asyncio.sleep(0.001)
            *others, last = await asyncio.gather(*asked)
            assert isinstance(last, Jumped)
            assert last.s == 1.0
            assert {m.message for m in others if isinstance(m, Refused)} == {SUPERSEDED}
            shown = [m.s for m in others if isinstance(m, Jumped)]
            assert shown == sorted(shown)
            assert (await step_beyond(studio, name, before)).step > before
            await goes_on(studio, name, trains.pid)
            await ended_whole(studio, name)

    asyncio.run(check())
