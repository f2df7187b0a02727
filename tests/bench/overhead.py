"""a training step with the window attached and streaming, against the bare loop, in turn"""

import asyncio
import os
import statistics
import sys
import time

from studio.assembly import Studio
from tests.bench.live_studio import until, with_studio

ROUNDS = 3
STEPS = {"points-meanflow": 600, "emoji-16-meanflow": 20}
THREADS = max(1, (os.cpu_count() or 2) - 1)  # as the hub gives a training


async def bare(preset: str) -> float:
    """Seconds a step of the bare loop, in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.bare", preset, str(STEPS[preset]), str(THREADS)]
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(*command, stdout=pipe)
    said, _ = await child.communicate()
    return float(said)


async def attached(studio: Studio, preset: str) -> float:
    """Seconds a step of a run whose curves the window draws meanwhile."""
    studio.window.show_page("Train")
    form = studio.models.form
    form.choose_preset(preset)
    run = await studio.models.runs.start(form.spec)
    await until(lambda: run.info.step >= 3)
    first, began = run.info.step, time.perf_counter()
    await until(lambda: run.info.step >= first + STEPS[preset])
    took = (time.perf_counter() - began) / (run.info.step - first)
    await run.control("stop")
    await until(lambda: run.info.state == "stopped")
    return took


async def flight(studio: Studio) -> None:
    for preset in STEPS:
        pairs = [(await bare(preset), await attached(studio, preset)) for _ in range(ROUNDS)]
        ratios = [b / a for a, b in pairs]
        print(
            f"{preset}: bare {1e3 * statistics.median(a for a, _ in pairs):.1f} ms, attached "
            f"{1e3 * statistics.median(b for _, b in pairs):.1f} ms, ratio median "
            f"{statistics.median(ratios):.3f} (from {min(ratios):.3f} to {max(ratios):.3f})",
            flush=True,
        )


def main() -> None:
    with_studio(flight)
