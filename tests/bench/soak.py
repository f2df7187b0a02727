"""what grows in studio, hub and workers: a hundred times the usual news, a hand that scrubs"""

import asyncio
import contextlib
import gc
import itertools
import json
import math
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
from msgspec.structs import replace

from engine.contract.files import TEMPORARY
from engine.contract.specs import MLP, Cadence, Training
from studio.assembly import Studio
from studio.model.run_model import RunModel
from tests.bench.live_studio import until, with_studio
from tests.bench.scrub import held

HUB = (sys.executable, "-m", "tests.bench.hurried", "--stdio")
USUAL = 2.9  # rows a second of `emoji-16-meanflow` on the machine of docs/measured.md
MOVE = 1 / 60  # seconds between two moves of the hand
TURN = 2.0  # seconds for which a page is shown
LOOKS = 5  # after each round, of which the least counts: what is held for a moment is no matter
WARM_UP = 0.25  # of the time: caches fill, and memory finds its places
MODELS = ("emoji", "the run", "gaussians")
PLACES = 63  # of the slider, so that pictures come again and their cache is full soon


class Look(NamedTuple):
    """What a process holds: bytes of its own, open descriptors and threads."""

    memory: int
    descriptors: int
    threads: int


class Sample(NamedTuple):
    """All processes at a time, files that are only for a while, and rows that the studio holds."""

    at: float
    looks: dict[str, Look]
    files: int
    rows: int


def processes() -> dict[str, psutil.Process]:
    """The studio's own process and those behind it."""
    found = {"studio": psutil.Process()}
    for child in found["studio"].children(recursive=True):
        words = child.cmdline()
        if "tests.bench.hurried" in words:
            if "--stdio" not in words:
                found["train worker"] = child
            elif child.ppid() != os.getpid():  # its parent is the guardian of it
                found["hub"] = child
        elif "engine.worker.explore" in words:
            found["explorer"] = child
    return found


def look(process: psutil.Process) -> Look:
    """What one process holds now."""
    threads = process.num_threads()
    return Look(process.memory_full_info().uss, process.num_fds(), threads)


def passing_files(folder: Path) -> int:
    """Files that are there for a while only: in the folder for them, and half written ones."""
    names = (name for _, folders, files in os.walk(folder) for name in (*folders, *files))
    return len(os.listdir(folder)) + sum(name.startswith(TEMPORARY) for name in names)


async def watch(studio: Studio, run: RunModel, seconds: float) -> list[Sample]:
    """Go round for so long; look at everything after each round, when the same is in sight."""
    folder, found = Path(tempfile.gettempdir()), []
    began = time.perf_counter()
    while (at := time.perf_counter() - began) < seconds:
        await visit(studio, run, TURN)
        gc.collect()
        some, files = [], []
        for _ in range(LOOKS):
            some.append({name: look(process) for name, process in processes().items()})
            files.append(passing_files(folder))
            await asyncio.sleep(TURN / LOOKS)
        least = {name: Look(*map(min, *(each[name] for each in some))) for name in some[0]}
        found.append(Sample(at, least, min(files), len(run.steps)))
    return found


async def scrub(studio: Studio) -> None:
    """A hand on the slider of s that never rests."""
    slider = studio.explore.where.s_row.slider
    for k in itertools.count():
        slider.setValue(round(450 - 440 * math.cos(2 * math.pi * (k % PLACES) / PLACES)))
        await asyncio.sleep(MOVE)


async def visit(studio: Studio, run: RunModel, pause: float) -> None:
    """Show both pages, and explore pictures, what is being trained, and points, in turn."""
    explore, shipped = studio.models.explore, studio.models.catalogue.models
    for word in MODELS:
        studio.window.show_page("Train")
        await asyncio.sleep(pause)
        name = next((name for name in shipped if word in name), run.name)
        await until(lambda: run.info.checkpoint > 0)
        studio.explore_model(name)
        await until(lambda name=name: explore.name == name and explore.in_hand)
        await asyncio.sleep(pause)


async def start(studio: Studio) -> RunModel:
    """A training that takes hundreds of steps a second and does not end."""
    form = studio.models.form
    form.choose_preset("points-fm")
    quick = replace(
        form.spec,
        network=MLP(64, 2),
        training=Training(steps=10**8, batch=256, warmup=5),
        cadence=Cadence(save=500, sample=250, count=256),
    )
    await held(studio, next(n for n in studio.models.catalogue.models if "gaussians" in n))
    run = await studio.models.runs.start(quick)
    await until(lambda: run.info.step > 100)
    return run


@contextlib.asynccontextmanager
async def hands(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """What goes on meanwhile, and must not end."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        yield
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def soak(studio: Studio, seconds: float) -> None:
    """Hold everything busy for a while, and tell what was seen meanwhile."""
    run = await start(studio)
    async with hands(scrub(studio)):
        found = await watch(studio, run, seconds)
    tell(run, found)


async def short(studio: Studio, rounds: int = 2) -> None:
    """Counts alone, after each of a few rounds: what is open for a moment is no matter."""
    run, found = await start(studio), []
    async with hands(scrub(studio)):
        for _ in range(rounds):
            await visit(studio, run, 0.2)
            found.append(await fewest())
    print(json.dumps(found), flush=True)


async def fewest() -> dict[str, int]:
    """The least that there is of everything within a second."""
    some: list[dict[str, int]] = []
    for _ in range(10):
        now = {"temporary files": passing_files(Path(tempfile.gettempdir()))}
        for name, process in processes().items():
            now[f"descriptors of the {name}"] = process.num_fds()
            now[f"threads of the {name}"] = process.num_threads()
        some.append(now)
        await asyncio.sleep(0.1)
    return {name: min(each[name] for each in some) for name in some[0]}


def slope(samples: list[Sample], memory: Callable[[Sample], float]) -> tuple[float, float]:
    """MB an hour by least squares, and its standard error."""
    hours = np.array([one.at / 3600 for one in samples])
    (steep, _), errors = np.polyfit(hours, [memory(one) / 2**20 for one in samples], 1, cov=True)
    return float(steep), float(np.sqrt(errors[0, 0]))


def tell(run: RunModel, samples: list[Sample]) -> None:
    """Slopes and counts of each process after the warm-up, and how often something happened."""
    warm = [one for one in samples if one.at > WARM_UP * samples[-1].at]
    first, last = warm[0], warm[-1]
    rows = (last.rows - first.rows) / (last.at - first.at)
    each = 8 + 4 * (len(run.columns) - 1)
    print(
        f"{rows:.0f} rows a second ({rows / USUAL:.0f} times the usual), {len(run.samples)} "
        f"previews, the newest checkpoint of step {run.info.checkpoint}; {len(warm)} rounds"
    )
    for name in last.looks:
        steep, error = slope(warm, lambda one, name=name: one.looks[name].memory)
        told = f"{steep:+.2f} ± {error:.2f} MB an hour"
        if name == "studio":
            steep, _ = slope(warm, lambda one: one.looks["studio"].memory - each * one.rows)
            told += f" ({steep:+.2f} without the rows of the curve)"
        (before, opened, threads), (after, still, left) = first.looks[name], last.looks[name]
        print(
            f"  {name:<13} {told}, {before / 2**20:.1f} to {after / 2**20:.1f} MB; "
            f"descriptors {opened} to {still}, threads {threads} to {left}"
        )
    print(f"  temporary files {first.files} to {last.files}", flush=True)


def alone(scenario: Callable[[Studio], Coroutine[Any, Any, None]], seconds: float) -> None:
    """Run it with everything in a folder of its own, temporary files too."""
    with tempfile.TemporaryDirectory(prefix="flowmap-soak-") as folder:
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        with_studio(scenario, HUB, seconds + 300)
    tempfile.tempdir = None


def main(minutes: float = 20.0) -> None:
    """So long, or, for no minutes, the counts alone."""
    seconds = 60 * minutes
    alone(lambda studio: soak(studio, seconds) if seconds else short(studio), seconds)
