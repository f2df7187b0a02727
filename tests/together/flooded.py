"""What a thousand moves of a slider in a second cost a training, all of it real.

`python -m tests.together.flooded [SECONDS]` prints it: steps a second and the worker's time for a
step, at rest and under the flood, in turn.
"""

import asyncio
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import psutil

from engine.contract.messages import Jump, Jumped, OpenModel, Source
from engine.runs.folder import RunFolder
from tests.hub.hub_support import MARK, hub_process, new_mark, workers
from tests.together.frozen import TRAIN, part_of
from tests.together.terminal import ROOT
from tests.together.test_together import control, start

MODEL, POINTS = "points-eight-gaussians", Source(count=2048)
ROUNDS = 3


async def measured(workspace: Path, seconds: float) -> tuple[np.ndarray, int, list[float]]:
    """[round, rest or flood, steps a second or seconds a step]; moves in all; how late the last
    answer of each flood came, in seconds.
    """
    async with hub_process(workspace) as (studio, _):
        run = RunFolder(workspace / "runs" / await start(studio))
        await studio.get(lambda id: OpenModel(id, MODEL))
        (worker,) = workers(TRAIN)
        await asyncio.sleep(5.0)
        found, late, moves = np.empty((ROUNDS, 2, 2)), [], 0
        for each in range(ROUNDS):
            found[each, 0] = await part(run, worker, seconds)
            flood = asyncio.create_task(flooded(studio, seconds))
            found[each, 1] = await part(run, worker, seconds)
            asked, delay = await flood
            moves += asked
            late.append(delay)
        await control(studio, run.name, "stop")
        await studio.state(run.name, "stopped")
    return found, moves, late


async def part(run: RunFolder, worker: psutil.Process, seconds: float) -> tuple[float, float]:
    return await asyncio.to_thread(part_of, run, worker, seconds)


async def flooded(studio, seconds: float) -> tuple[int, float]:
    """Ask a thousand times a second; how often that was, and how late the last answer came."""
    loop = asyncio.get_running_loop()
    begun, asked = loop.time(), []
    while (now := loop.time() - begun) < seconds:
        while len(asked) < 1000 * now:
            s = len(asked) % 1000 / 1000
            asked.append(asyncio.ensure_future(studio.ask(lambda id, s=s: jump(id, s))))
        await asyncio.sleep(0.001)
    asked.append(asyncio.ensure_future(studio.ask(lambda id: jump(id, 0.123))))
    sent = loop.time()
    last, _ = await asked[-1]
    assert isinstance(last, Jumped)
    assert last.s == 0.123
    delay = loop.time() - sent
    await asyncio.gather(*asked)
    return len(asked), delay


def jump(id: int, s: float) -> Jump:
    return Jump(id, MODEL, POINTS, 1.0, s)


if __name__ == "__main__":
    os.environ[MARK] = new_mark()
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "hub")])
    with tempfile.TemporaryDirectory(prefix="flowmap-flooded-") as scratch:
        long = float((*sys.argv[1:], "10")[0])
        found, moves, late = asyncio.run(measured(Path(scratch), long))
    (rest, flood) = np.median(found, 0)
    often = moves / (ROUNDS * long)
    sys.stdout.write(
        f"at rest {rest[0]:.0f} it/s, {1e3 * rest[1]:.2f} ms of the processor a step; under "
        f"{often:.0f} moves a second {flood[0]:.0f} it/s, {1e3 * flood[1]:.2f} ms; "
        f"the last answer came {1e3 * max(late):.0f} ms late at most\n"
    )
