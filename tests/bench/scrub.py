"""slider to painted picture through the real processes: points, 16 emoji, 64 pictures known"""

import asyncio
import math
import time

import numpy as np
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QWidget

from engine.contract.messages import Source
from studio.assembly import Studio
from studio.model.states import States
from tests.bench.figures import distribution
from tests.bench.live_studio import until, with_studio

MOVES = 300
HAND = 1 / 125  # seconds between two moves of a mouse
FIRST = 20  # moves that warm up


class Painted(QObject):
    """Notes when a widget has been painted with the answer to a move, and how long after it."""

    def __init__(self, studio: Studio, widget: QWidget) -> None:
        super().__init__(widget)
        self._explore = studio.models.explore
        self._moved: dict[int, float] = {}  # when, by the slider's value
        self._waiting, self._wanted = asyncio.Event(), -1
        self.took: list[float] = []  # ms of those that were painted
        widget.installEventFilter(self)

    def moves(self, value: int) -> None:
        """The slider is about to be moved."""
        self._moved[value] = time.perf_counter()
        self._wanted = value
        self._waiting.clear()

    async def last(self) -> None:
        """Wait until the newest move has been painted."""
        await asyncio.wait_for(self._waiting.wait(), 30)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        states = self._explore.states
        if event.type() == QEvent.Type.Paint and states:
            asyncio.get_running_loop().call_soon(self._end, round(1000 * states.s))
        return False

    def _end(self, value: int) -> None:
        """The loop goes on: the paint has ended."""
        if began := self._moved.pop(value, 0.0):
            self.took.append(1e3 * (time.perf_counter() - began))
        if value == self._wanted:
            self._waiting.set()


def values() -> list[int]:
    """Where the slider of s is put, up and down; no place twice in a row."""
    found = [round(450 - 440 * math.cos(0.1 * k)) for k in range(MOVES + FIRST)]
    return [value for k, value in enumerate(found) if k == 0 or value != found[k - 1]]


async def scrub(studio: Studio, title: str, widget: QWidget, known: bool = False) -> None:
    """Move the slider, each time after the last move was painted.

    Every jump is asked for anew, unless all of them are `known` beforehand.
    """
    explore = studio.models.explore
    painted, slider = Painted(studio, widget), studio.explore.where.s_row.slider
    for value in values():
        if value == slider.value():
            continue
        if not known:
            explore.cache.forget_model(explore.name)
        painted.moves(value)
        slider.setValue(value)
        await painted.last()
        await asyncio.sleep(0.005)  # a hand does not move at every instant either
    print(f"{title:<26} {distribution(painted.took[FIRST:])}", flush=True)


async def hurry(studio: Studio, title: str, widget: QWidget) -> None:
    """Move the slider as a mouse does, whether or not the last move was painted; then rest."""
    explore = studio.models.explore
    painted, slider = Painted(studio, widget), studio.explore.where.s_row.slider
    began = time.perf_counter()
    for k, value in enumerate(values()):
        await asyncio.sleep(max(0.0, began + k * HAND - time.perf_counter()))
        if value != slider.value():
            painted.moves(value)
            slider.setValue(value)
    await painted.last()
    rested = time.perf_counter()
    await until(lambda: explore.trace is not None and round(1000 * explore.trace.s) == value)
    took = 1e3 * (time.perf_counter() - rested)
    print(f"{title:<26} {distribution(painted.took)}; paths {took:.0f} ms after rest", flush=True)


async def held(studio: Studio, name: str) -> None:
    """Take a shipped model in hand, from noise to data."""
    explore = studio.models.explore
    studio.explore_model(name)
    await until(lambda: explore.name == name and explore.model and explore.model.name == name)
    explore.set_times(1.0, 0.0)
    await until(lambda: explore.states is not None and explore.states.s == 0.0)


def know(studio: Studio) -> None:
    """Fill the cache with 64 pictures of 32 pixels for each place of the slider."""
    explore = studio.models.explore
    explore.set_source(Source(count=64))
    drawn = np.random.default_rng(0)
    for k in range(1001):
        asked, step = explore._asked(1.0, k / 1000), explore.model.step if explore.model else -1
        x = np.tile(drawn.integers(0, 256, (8, 32, 32, 3), np.uint8), (8, 1, 1, 1))
        states = States(x, x, 1.0, k / 1000, 1, 1.0, False, explore.source, 1)
        explore.cache._known[step, asked] = states


async def points(studio: Studio) -> None:
    """2,048 points from noise and from elsewhere, where their paths are integrated anew."""
    plot, explore = studio.explore.particles.plot, studio.models.explore
    await held(studio, next(n for n in studio.models.catalogue.models if "gaussians" in n))
    for t in (1.0, 0.9):
        explore.set_times(t, 0.0)
        await until(lambda t=t: explore.trace is not None and explore.trace.t == t)
        await scrub(studio, f"2,048 points, t = {t:g}", plot)
        await hurry(studio, "  125 moves a second", plot)


async def pictures(studio: Studio) -> None:
    """16 emoji, asked for and known, and while others are learned."""
    explore, grid = studio.models.explore, studio.explore.pictures.end
    await held(studio, next(n for n in studio.models.catalogue.models if "emoji" in n))
    await scrub(studio, "16 emoji", grid)
    know(studio)
    await scrub(studio, "64 known of 32 px", grid, known=True)
    explore.cache.forget_model(explore.name)
    explore.set_source(Source())
    form = studio.models.form
    form.choose_preset("emoji-16-meanflow")
    run = await studio.models.runs.start(form.spec)
    await until(lambda: run.info.step > 5)
    before, began = run.info.step, time.perf_counter()
    await scrub(studio, "while it trains", grid)
    rate = (run.info.step - before) / (time.perf_counter() - began)
    print(f"the training ran at {rate:.2f} it/s meanwhile")
    await run.control("stop")
    await until(lambda: run.info.state == "stopped")


async def flight(studio: Studio) -> None:
    await points(studio)
    await pictures(studio)


def main() -> None:
    with_studio(flight)
