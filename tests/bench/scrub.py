"""slider to painted picture through the real processes, 16 emoji of the shipped model"""

import asyncio
import math
import time

from PySide6.QtCore import QEvent, QObject

from studio.assembly import Studio
from tests.bench.figures import distribution
from tests.bench.live_studio import until, with_studio

MOVES = 300


class Painted(QObject):
    """Notes when the grid has been painted with the pictures of a wanted time."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._explore, self.wanted = studio.models.explore, -1.0
        self.done = asyncio.Event()
        studio.explore.pictures.end.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        states = self._explore.states
        if event.type() == QEvent.Type.Paint and states and abs(states.s - self.wanted) < 1e-6:
            self.done.set()
        return False


async def scrub(studio: Studio, title: str) -> None:
    """Move the slider of s up and down, one move after the other is painted."""
    painted, slider = Painted(studio), studio.explore.where.s_row.slider
    took = []
    for k in range(MOVES + 20):
        value = round(450 - 440 * math.cos(0.1 * k))
        if value == slider.value():
            continue
        painted.wanted = value / 1000
        painted.done.clear()
        began = time.perf_counter()
        slider.setValue(value)
        await asyncio.wait_for(painted.done.wait(), 30)
        took.append(1e3 * (time.perf_counter() - began))
        await asyncio.sleep(0.005)  # a hand does not move at every instant either
    print(f"{title:<18} {distribution(took[20:])}", flush=True)


async def flight(studio: Studio) -> None:
    shipped = studio.models.catalogue.models
    name = next(n for n in shipped if "emoji" in n)
    explore = studio.models.explore
    studio.explore_model(name)
    await until(lambda: explore.model is not None and explore.states is not None)
    await scrub(studio, "idle")
    form = studio.models.form
    form.choose_preset("emoji-16-meanflow")
    run = await studio.models.runs.start(form.spec)
    await until(lambda: run.info.step > 5)
    before, began = run.info.step, time.perf_counter()
    await scrub(studio, "while it trains")
    rate = (run.info.step - before) / (time.perf_counter() - began)
    print(f"the training ran at {rate:.2f} it/s meanwhile")
    await run.control("stop")
    await until(lambda: run.info.state == "stopped")


def main() -> None:
    with_studio(flight)
