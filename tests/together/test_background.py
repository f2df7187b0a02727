"""A training that goes on without its window, all of it real; and windows that stand still."""

import asyncio
import os
import signal

import pytest
from frozen import ROOT, cost_of_a_frozen_window, rows_of
from hub_support import hub_process, points_spec, soon, workers
from test_together import history, rows_are_whole, start, step_beyond

from engine.contract.journal import Started
from engine.contract.messages import Detach, GetRuns
from engine.hub.workspace import list_runs
from engine.runs import checkpoint
from engine.runs.folder import RunFolder

TRAIN = "engine.worker.train"
QUICK = points_spec(steps=10**7)


@pytest.fixture(autouse=True)
def runtime(tmp_path, monkeypatch):
    """A folder for sockets that no other test uses."""
    (tmp_path / "r").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "r"))


def test_the_curve_has_no_gap_where_nobody_looked(workspace):
    async def check():
        async with hub_process(workspace) as (studio, guardian):
            name = await start(studio, QUICK)
            await studio.get(Detach)
            before = await step_beyond(studio, name, 20)
            guardian.kill()  # the window crashes, and what it started with it
        await asyncio.sleep(1.0)
        async with hub_process(workspace) as (studio, _):
            (known,) = (await studio.get(GetRuns)).runs
            assert known.state == "running"
            after = await step_beyond(studio, name, before.step + 20)
            found = await history(studio, name)
            assert rows_are_whole(found)
            assert len(found.steps) >= after.step - 100  # the newest rows wait for their record
            assert [e.step for e in found.events if isinstance(e, Started)] == [0]
            await studio.get(lambda id: Detach(id, False))
        await soon(lambda: not workers(TRAIN))
        return name

    run = RunFolder(workspace / "runs" / asyncio.run(check()))
    assert checkpoint.newest(run).step == rows_of(run)


def test_a_hub_in_the_background_that_is_killed_leaves_a_saved_run(workspace):
    async def check():
        async with hub_process(workspace) as (studio, _):
            name = await start(studio, QUICK)
            await studio.get(Detach)
            await step_beyond(studio, name, 20)
            hub = (await studio.hello()).pid
        os.kill(hub, signal.SIGKILL)
        await soon(lambda: not workers(TRAIN))
        return name

    run = RunFolder(workspace / "runs" / asyncio.run(check()))
    (known,) = list_runs(workspace)
    assert known.state == "stopped"
    assert checkpoint.newest(run).step == known.step > 20


def test_a_frozen_window_costs_no_memory_and_no_row(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "tests" / "hub")]))
    cost = cost_of_a_frozen_window(tmp_path, 2.0)  # which looks at every row
    assert cost.grown < 20 << 20
