"""`python training_studio.py WORKSPACE STEPS`: the studio as `--demo` starts it, but for its pilot.

This one shows a shipped model, starts a training, or goes on with the one that is there, and never
leaves: it waits to be killed.
"""

import asyncio
import sys
from pathlib import Path

from hub_support import points_spec
from msgspec.structs import replace

from engine.contract.specs import Cadence, FlowMatching, RunSpec
from studio import app, demo
from studio.assembly import Studio


async def perform(studio: Studio, out: Path) -> int:
    """Train until the end of this process."""
    runs = studio.models.runs
    studio.explore_model(next(iter(studio.models.catalogue.models)))
    studio.window.show_page("Train")
    if runs.runs:
        await runs.resume(runs.runs[0].name)
    else:
        await runs.start(spec(int(sys.argv[2])))
    await asyncio.Event().wait()
    return 0


def spec(steps: int) -> RunSpec:
    """The cheapest steps there are: what is tested is not what is learned."""
    quick = replace(points_spec(steps=steps), method=FlowMatching())
    return replace(quick, cadence=Cadence(save=100, sample=300, count=16))


if __name__ == "__main__":
    demo.perform = perform  # the studio looks it up when it is ready
    sys.exit(app.main(["--demo", "--workspace", sys.argv[1]]))
