"""steps a second of a training: at rest, under a hand that scrubs, beside a loop"""

import asyncio
import contextlib
import math
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator
from typing import Literal, NamedTuple

import psutil
from msgspec.structs import replace

from studio.assembly import Studio
from studio.model.run_model import RunModel
from tests.bench.live_studio import until, with_studio
from tests.bench.scrub import held

ROUNDS = 5
STRETCH = {"points-meanflow": 5.0, "emoji-16-meanflow": 14.0}  # seconds
MODEL = {"points-meanflow": "gaussians", "emoji-16-meanflow": "emoji"}  # that is scrubbed
MOVES = 1 / 60  # seconds between two
LOOP = """
import sys, time, numpy
share, period = float(sys.argv[1]), float(sys.argv[2])
x, weights = numpy.ones((2048, 128), numpy.float32), numpy.eye(128, dtype=numpy.float32)
while True:
    began = time.perf_counter()
    while time.perf_counter() < began + share * period:
        x = x @ weights
    time.sleep((1 - share) * period)
"""
Kind = Literal["at rest", "under the hand", "beside a loop"]


class Mark(NamedTuple):
    """How far a training is: its step, when, and the processor's seconds of each process."""

    step: int
    at: float
    spent: dict[str, float]


class Stretch(NamedTuple):
    """A part of the training from one mark to another."""

    first: Mark
    last: Mark

    @property
    def rate(self) -> float:
        """Steps a second."""
        return (self.last.step - self.first.step) / (self.last.at - self.first.at)

    @property
    def cost(self) -> float:
        """Seconds of the training's processor for a step."""
        return self.took("train") / self.rate

    def took(self, name: str) -> float:
        """The share of a core that a process took."""
        spent = self.last.spent[name] - self.first.spent.get(name, 0.0)
        return spent / (self.last.at - self.first.at)


async def mark(run: RunModel) -> Mark:
    """A moment at which a new step is told."""
    step = run.info.step
    await until(lambda: run.info.step != step)
    return Mark(run.info.step, time.perf_counter(), spent())


def spent() -> dict[str, float]:
    """Seconds of the processor, by what a process is."""
    own = psutil.Process()
    found = {"window": own}
    for child in own.children(recursive=True):
        named = (word for word in child.cmdline() if word.startswith("engine."))
        if name := next(named, ""):
            found[name.rpartition(".")[2]] = child
    return {name: sum(process.cpu_times()[:2]) for name, process in found.items()}


# What two cores share slows a training whoever takes the other one. So after each stretch under the
# hand comes one beside a plain loop, which takes as much of the processor as window, hub and
# explorer did: what is left between the two is the program's.
@contextlib.asynccontextmanager
async def loop(share: float) -> AsyncIterator[None]:
    """A process that takes so much of a core for products of matrices, as networks do."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", LOOP, f"{min(0.95, share)}", f"{MOVES}"),
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    try:
        yield
    finally:
        child.kill()
        await child.wait()


async def stretch(studio: Studio, run: RunModel, seconds: float, moves: bool = False) -> Stretch:
    """Some seconds of it, with a hand on the slider of s or without."""
    slider, first = studio.explore.where.s_row.slider, await mark(run)
    k = 0
    while time.perf_counter() < first.at + seconds:
        if moves:
            slider.setValue(round(450 - 440 * math.cos(0.1 * k)))
        k += 1
        await asyncio.sleep(max(0.0, first.at + k * MOVES - time.perf_counter()))
    return Stretch(first, await mark(run))


async def measure(studio: Studio, preset: str) -> None:
    """Train a preset, and scrub a shipped model of the same kind."""
    form, seconds = studio.models.form, STRETCH[preset]
    names = studio.models.catalogue.models
    await held(studio, next(name for name in names if MODEL[preset] in name))
    form.choose_preset(preset)
    training = replace(form.spec.training, steps=10**6)  # it does not end meanwhile
    run = await studio.models.runs.start(replace(form.spec, training=training))
    await until(lambda: run.info.step >= 10)
    found: list[dict[Kind, Stretch]] = []
    for _ in range(ROUNDS):
        rest = await stretch(studio, run, seconds)
        hand = await stretch(studio, run, seconds, moves=True)
        async with loop(sum(hand.took(name) for name in hand.last.spent if name != "train")):
            beside = await stretch(studio, run, seconds)
        found.append({"at rest": rest, "under the hand": hand, "beside a loop": beside})
    await run.control("stop")
    await until(lambda: run.info.state == "stopped")
    tell(preset, found)


def tell(preset: str, found: list[dict[Kind, Stretch]]) -> None:
    """Medians of each kind, and the ratios within one round."""
    print(preset)
    for kind in found[0]:
        some = [one[kind] for one in found]
        names = some[0].last.spent
        cores = (f"{name} {statistics.median(s.took(name) for s in some):.2f}" for name in names)
        print(
            f"  {kind:<15} {statistics.median(s.rate for s in some):6.2f} steps a second, "
            f"{1e3 * statistics.median(s.cost for s in some):.1f} ms of its processor each; "
            f"cores: {', '.join(cores)}"
        )
    pairs: tuple[tuple[Kind, Kind], ...] = (
        ("under the hand", "at rest"),
        ("beside a loop", "at rest"),
        ("under the hand", "beside a loop"),
    )
    for one, other in pairs:
        rates = [each[one].rate / each[other].rate for each in found]
        costs = [each[one].cost / each[other].cost for each in found]
        print(
            f"  {one} / {other}: steps a second {spread(rates)}, processor a step {spread(costs)}",
            flush=True,
        )


def spread(ratios: list[float]) -> str:
    """Median and range."""
    return f"{statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"


async def flight(studio: Studio) -> None:
    for preset in STRETCH:
        await measure(studio, preset)


def main() -> None:
    with_studio(flight)
