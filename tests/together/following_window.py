"""`python following_window.py WORKSPACE OUT`: all of a window but what is seen of it.

It starts a training and follows its curve. When the file OUT/stop is there it stops the training,
writes the steps of its curve to OUT/steps.npy and leaves.
"""

import asyncio
import sys
from pathlib import Path

import numpy as np
from hub_support import points_spec

from studio.link.hub_link import HubLink
from studio.model.models import Models
from studio.model.run_model import RunModel


async def follow(workspace: Path, out: Path) -> None:
    """Train and look on until it is time."""
    models = Models(HubLink(workspace, log=out / "log"), out / "settings.ini")
    await models.engine.start()
    run = await models.runs.start(points_spec(steps=10**7), "a")
    await until_there(out / "stop")
    await run.control("stop")
    while not whole(run):
        await asyncio.sleep(0.05)
    np.save(out / "steps.npy", run.steps)
    await models.engine.stop()


async def until_there(file: Path) -> None:
    while not file.exists():
        await asyncio.sleep(0.05)


def whole(run: RunModel) -> bool:
    return run.info.state == "stopped" and len(run.steps) >= run.info.step


if __name__ == "__main__":
    asyncio.run(follow(Path(sys.argv[1]), Path(sys.argv[2])))
