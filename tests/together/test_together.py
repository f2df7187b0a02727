"""The real hub with real workers on a training that takes a moment."""

import asyncio
import os
import signal

import numpy as np
import pytest
from hub_support import hub_process, points_spec, soon, workers

from engine.contract.arrays import unpack
from engine.contract.history import History
from engine.contract.journal import Reader
from engine.contract.messages import (
    SUPERSEDED,
    ControlRun,
    GetRuns,
    Jump,
    Jumped,
    Opened,
    OpenModel,
    Progress,
    ReadJournal,
    ReadSample,
    ReadSpec,
    Refused,
    ResumeRun,
    Source,
    StartRun,
    Trace,
    Traced,
)
from engine.hub.workspace import list_runs
from engine.runs import checkpoint
from engine.runs.folder import RunFolder

TRAIN, EXPLORE = "engine.worker.train", "engine.worker.explore"
ENDLESS = points_spec(steps=10**7)
SOURCE = Source(count=50)


async def start(studio, spec=ENDLESS):
    name = (await studio.get(lambda id: StartRun(id, spec))).run.name
    await studio.state(name, "running")
    return name


async def step_beyond(studio, name, step):
    """The first progress of a run beyond a step."""
    studio.notices = [m for m in studio.notices if not isinstance(m, Progress)]
    return await studio.notice(
        lambda m: isinstance(m, Progress) and m.run == name and m.step > step
    )


async def control(studio, name, action):
    await studio.get(lambda id: ControlRun(id, name, action))


async def history(studio, name):
    """Everything that the journal tells, by pulls."""
    found, at = History(), 0
    while True:
        offset = at
        chunk, payload = await studio.ask(lambda id, at=offset: ReadJournal(id, name, at))
        if not payload:
            return found
        found.feed(payload)
        at = chunk.end


def rows_are_whole(found):
    """Every step from 1 to the last has its row, once."""
    np.testing.assert_array_equal(found.steps, np.arange(1, len(found.steps) + 1))
    return True


def test_a_day_with_the_studio(workspace):
    async def morning():
        async with hub_process(workspace) as (studio, _):
            name = await start(studio)
            assert (await studio.get(lambda id: ReadSpec(id, name))).spec == ENDLESS
            news = await step_beyond(studio, name, 20)
            assert news.steps == 10**7

            await control(studio, name, "pause")
            await studio.state(name, "paused")
            paused = (await step_beyond(studio, name, 0)).step
            assert (await step_beyond(studio, name, 0)).step == paused
            await control(studio, name, "continue")
            await studio.state(name, "running")
            await step_beyond(studio, name, paused)

            await control(studio, name, "save")
            await studio.notice(lambda m: isinstance(m, Progress) and m.checkpoint > 0)
            opened = await studio.get(lambda id: OpenModel(id, name))
            assert isinstance(opened, Opened)
            assert opened.model.step > 0
            asked = [studio.ask(lambda id: Jump(id, name, SOURCE, 1.0, 0.5)) for _ in range(5)]
            asked.append(studio.ask(lambda id: Trace(id, name, SOURCE, 1.0, 0.0)))
            *jumps, (traced, arrays) = await asyncio.gather(*asked)
            (jumped, payload) = jumps[-1]
            if isinstance(traced, Refused):  # a jump came to the explorer while it traced
                assert traced.message == SUPERSEDED
                traced, arrays = await studio.ask(lambda id: Trace(id, name, SOURCE, 1.0, 0.0))
            assert isinstance(jumped, Jumped)
            assert unpack(jumped.arrays, payload)["x_s"].shape == (50, 2)
            assert all(
                isinstance(m, Jumped) or (isinstance(m, Refused) and m.message == SUPERSEDED)
                for m, _ in jumps
            )
            assert isinstance(traced, Traced)
            assert set(unpack(traced.arrays, arrays)) == {"learned", "exact", "exact_x_s"}

            workers(EXPLORE)[0].kill()
            answer, _ = await studio.ask(lambda id: Jump(id, name, SOURCE, 1.0, 0.5))
            if isinstance(answer, Refused):  # it died with this request in hand
                answer = await studio.get(lambda id: Jump(id, name, SOURCE, 1.0, 0.5))
            assert isinstance(answer, Jumped)

            await control(studio, name, "sample")
            await control(studio, name, "stop")
            last = await studio.state(name, "stopped")
            assert last.checkpoint == last.step
            found = await history(studio, name)
            assert rows_are_whole(found)
            assert len(found.steps) == last.step
            assert found.ended.how == "stopped"
            picture = found.samples[-1].file
            chunk, payload = await studio.ask(lambda id: ReadSample(id, name, picture))
            assert len(payload) == chunk.size > 0
            return last

    async def next_day(before):
        async with hub_process(workspace) as (studio, process):
            (known,) = (await studio.get(GetRuns)).runs
            assert (known.state, known.step) == ("stopped", before.step)
            await studio.get(lambda id: ResumeRun(id, known.name))
            await step_beyond(studio, known.name, before.step)
            await a_worker_is_killed(studio, known.name)
            process.terminate()
            assert await process.wait() == 0
            return await studio.state(known.name, "stopped")

    before = asyncio.run(morning())
    after = asyncio.run(next_day(before))
    (run,) = list_runs(workspace)
    assert run.checkpoint == run.step == after.step > before.step


async def a_worker_is_killed(studio, name):
    """Kill it: the hub says so and goes on from its newest checkpoint; the fourth time in ten
    minutes somebody has to. Whatever it had told to be in the journal is there.
    """
    told = await step_beyond(studio, name, 0)
    (worker,) = workers(TRAIN)
    worker.kill()
    dead = await studio.state(name, "starting", "failed")
    assert "signal 9" in dead.message
    chunk, _ = await studio.ask(lambda id: ReadJournal(id, name, 0))
    assert chunk.size >= told.journal > 0
    assert rows_are_whole(await history(studio, name))
    if dead.state == "failed":
        assert f"checkpoint of step {dead.checkpoint}" in dead.message
        await studio.get(lambda id: ResumeRun(id, name))
    else:
        assert f"started again from step {dead.checkpoint}" in dead.message
    await studio.state(name, "running")
    await step_beyond(studio, name, dead.step)
    assert rows_are_whole(await history(studio, name))


@pytest.mark.parametrize("times", [1, pytest.param(10, marks=pytest.mark.slow)])
def test_the_hub_is_killed(workspace, times):
    async def check():
        async with hub_process(workspace) as (studio, process):
            name = await start(studio)
            await studio.ask(lambda id: OpenModel(id, name))
            await step_beyond(studio, name, 5)
            assert len(workers(TRAIN)) == len(workers(EXPLORE)) == 1
            os.kill((await studio.hello()).pid, signal.SIGKILL)
            assert await process.wait() == -signal.SIGKILL  # who guards it ends as it ended
            await soon(lambda: not workers(TRAIN) and not workers(EXPLORE))
        return RunFolder(workspace / "runs" / name)

    for _ in range(times):
        folder = asyncio.run(check())
        (known, *_) = list_runs(workspace)
        assert known.state == "stopped"
        found = checkpoint.newest(folder)
        assert found.step == known.step == known.checkpoint > 0
        assert not found.damaged


@pytest.mark.slow
def test_the_worker_is_killed_ten_times(workspace):
    async def check():
        async with hub_process(workspace) as (studio, _):
            name = await start(studio)
            await studio.notice(lambda m: isinstance(m, Progress) and m.checkpoint > 0)
            for _ in range(10):
                await a_worker_is_killed(studio, name)
            await control(studio, name, "stop")
            await studio.state(name, "stopped")
            assert rows_are_whole(await history(studio, name))

    asyncio.run(check())
    (known,) = list_runs(workspace)
    journal = (workspace / "runs" / known.name / "journal").read_bytes()
    reader = Reader()
    assert list(reader.feed(journal))
    assert reader.offset == len(journal)
