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


class Painted(QObject):
    """Notes when a widget has been painted with what belongs to a wanted time."""

    def __init__(self, studio: Studio, widget: QWidget) -> None:
        super().__init__(widget)
        self._explore, self.wanted = studio.models.explore, -1.0
        self.done = asyncio.Event()
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        states = self._explore.states
        if event.type() == QEvent.Type.Paint and states and abs(states.s - self.wanted) < 1e-6:
            self.done.set()
        return False


async def scrub(studio: Studio, title: str, widget: QWidget, known: bool = False) -> None:
    """Move the slider of s up and down, one move after the other is painted.

    Every jump is asked for anew, unless all of them are `known` beforehand.
    """
    explore = studio.models.explore
    painted, slider = Painted(studio, widget), studio.explore.where.s_row.slider
    took = []
    for k in range(MOVES + 20):
        value = round(450 - 440 * math.cos(0.1 * k))
        if value == slider.value():
            continue
        if not known:
            explore.cache.forget_model(explore.name)
        painted.wanted = value / 1000
        painted.done.clear()
        began = time.perf_counter()
        slider.setValue(value)
        await asyncio.wait_for(painted.done.wait(), 30)
        took.append(1e3 * (time.perf_counter() - began))
        await asyncio.sleep(0.005)  # a hand does not move at every instant either
    print(f"{title:<18} {distribution(took[20:])}", flush=True)


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


async def flight(studio: Studio) -> None:
    shipped = studio.models.catalogue.models
    explore, page = studio.models.explore, studio.explore
    await held(studio, next(n for n in shipped if "gaussians" in n))
    await scrub(studio, "2,048 points", page.particles.plot)
    await held(studio, next(n for n in shipped if "emoji" in n))
    grid = page.pictures.end
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


def main() -> None:
    with_studio(flight)
