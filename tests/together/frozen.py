"""What a window that stands still costs the training behind it; a bench may print it."""

import asyncio
import time

import psutil
from hub_support import hub_process, points_spec
from test_together import control, history, rows_are_whole, start, step_beyond

from engine.contract.messages import Progress
from engine.runs.folder import RunFolder
from engine.runs.history import read_history

QUICK = points_spec(steps=10**7)


async def cost_of_a_frozen_window(workspace, seconds):
    """(share of the steps a second that is lost, bytes that the hub grew by, rows of the run).

    The client stands still, as one that was sent SIGSTOP: it reads nothing. The pace before and
    after it is what it is compared with, so that a busy machine weighs on both.
    """
    async with hub_process(workspace) as (studio, _):
        name = await start(studio, QUICK)
        hub = psutil.Process((await studio.hello()).pid)
        await step_beyond(studio, name, 200)
        paces = []
        before = hub.memory_info().rss
        folder = RunFolder(workspace / "runs" / name)
        for frozen in (False, True, False):
            if frozen:
                studio.reader._transport.pause_reading()
            first, started = rows_of(folder), time.monotonic()
            await asyncio.sleep(seconds)
            paces.append((rows_of(folder) - first) / (time.monotonic() - started))
            grown = hub.memory_info().rss - before
            if frozen:
                held = grown
                studio.reader._transport.resume_reading()
        await control(studio, name, "stop")
        last = await studio.state(name, "stopped")
        found = await history(studio, name)
        assert rows_are_whole(found)
        assert len(found.steps) == last.step
        assert any(isinstance(m, Progress) for m in studio.notices)
    return 1 - paces[1] / ((paces[0] + paces[2]) / 2), held, last.step


def rows_of(folder):
    """Steps of which the journal tells."""
    return len(read_history(folder).steps)
