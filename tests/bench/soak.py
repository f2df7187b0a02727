"""what grows in studio, hub and workers under a hundred times the usual news and a hand that scrubs"""

import asyncio
import itertools
import math
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

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
EVERY = 5.0  # seconds between two looks at the processes
TURN = 10.0  # seconds after which another page is shown, and now and then another model
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


async def watch(run: RunModel, seconds: float, every: float) -> list[Sample]:
    """Look at everything now and then."""
    folder, found = Path(tempfile.gettempdir()), []
    began = time.perf_counter()
    while (at := time.perf_counter() - began) < seconds:
        looks = {name: look(process) for name, process in processes().items()}
        found.append(Sample(at, looks, passing_files(folder), len(run.steps)))
        await asyncio.sleep(every)
    return found


async def scrub(studio: Studio) -> None:
    """A hand on the slider of s that never rests."""
    slider = studio.explore.where.s_row.slider
    for k in itertools.count():
        slider.setValue(round(450 - 440 * math.cos(2 * math.pi * (k % PLACES) / PLACES)))
        await asyncio.sleep(MOVE)


async def turn(studio: Studio, run: RunModel) -> None:
    """Show one page and the other, and explore points, pictures, and what is being trained."""
    shipped, explore = studio.models.catalogue.models, studio.models.explore
    for k in itertools.count():
        await asyncio.sleep(TURN)
        studio.window.show_page("Train")
        await asyncio.sleep(TURN)
        name = next((n for n in shipped if MODELS[k % len(MODELS)] in n), run.name)
        await until(lambda: run.info.checkpoint > 0)
        studio.explore_model(name)
        await until(lambda name=name: explore.name == name and explore.in_hand)


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
    run = await studio.models.runs.start(quick)
    await until(lambda: run.info.step > 100)
    return run


async def soak(studio: Studio, seconds: float, every: float) -> tuple[RunModel, list[Sample]]:
    """Hold everything busy for a while; what was seen meanwhile."""
    await held(studio, next(n for n in studio.models.catalogue.models if "gaussians" in n))
    run = await start(studio)
    hands = [asyncio.ensure_future(work) for work in (scrub(studio), turn(studio, run))]
    try:
        found = await watch(run, seconds, every)
        broken = next((hand for hand in hands if hand.done()), None)
        if broken is not None:
            broken.result()
    finally:
        for hand in hands:
            hand.cancel()
        await asyncio.wait(hands)
    return run, found


def slope(samples: list[Sample], name: str) -> tuple[float, float]:
    """MB an hour by least squares after the warm-up, and its standard error."""
    warm = [one for one in samples if one.at > WARM_UP * samples[-1].at]
    hours = np.array([one.at / 3600 for one in warm])
    memory = np.array([one.looks[name].memory / 2**20 for one in warm])
    (steep, _), errors = np.polyfit(hours, memory, 1, cov=True)
    return float(steep), float(np.sqrt(errors[0, 0]))


def ends(samples: list[Sample]) -> tuple[list[Sample], list[Sample]]:
    """Those of the first and of the last tenth after the warm-up."""
    warm = [one for one in samples if one.at > WARM_UP * samples[-1].at]
    some = max(1, len(warm) // 10)
    return warm[:some], warm[-some:]


def counts(some: list[Sample], name: str) -> tuple[int, int]:
    """Descriptors and threads of a process: what there are of them most of the time."""
    looks = [one.looks[name] for one in some]
    descriptors = statistics.median_low(each.descriptors for each in looks)
    return descriptors, statistics.median_low(each.threads for each in looks)


def tell(run: RunModel, samples: list[Sample]) -> None:
    """Slopes and counts of each process, and how often something happened."""
    first, last = ends(samples)
    span = samples[-1].at - samples[0].at
    rows = (samples[-1].rows - samples[0].rows) / span
    haste = rows / USUAL
    each = 8 + 4 * (len(run.columns) - 1)
    print(f"{rows:.0f} rows a second ({haste:.0f} times the usual); {len(run.samples)} previews, "
          f"{run.info.checkpoint} the newest checkpoint; rows held: "
          f"{rows * each * 3600 / 2**20:.1f} MB an hour")  # fmt: skip
    for name in samples[-1].looks:
        steep, error = slope(samples, name)
        before, after = counts(first, name), counts(last, name)
        memory = [one.looks[name].memory / 2**20 for one in (first[0], last[-1])]
        print(f"  {name:<13} {steep:+7.2f} ± {error:.2f} MB an hour ({steep / haste:+.3f} in one of "
              f"the usual pace), {memory[0]:.1f} to {memory[1]:.1f} MB; "
              f"descriptors {before[0]} to {after[0]}, threads {before[1]} to {after[1]}")  # fmt: skip
    files = [statistics.median_low(one.files for one in some) for some in (first, last)]
    print(f"  temporary files {files[0]} to {files[1]}", flush=True)


def main(minutes: float = 20.0) -> None:
    """Everything lies in a folder of its own, temporary files too."""
    with tempfile.TemporaryDirectory(prefix="flowmap-soak-") as folder:
        os.environ["TMPDIR"] = tempfile.tempdir = folder

        async def scenario(studio: Studio) -> None:
            tell(*await soak(studio, 60 * minutes, EVERY))

        with_studio(scenario, HUB, 60 * minutes + 120)
    tempfile.tempdir = None
