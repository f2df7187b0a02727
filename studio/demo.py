"""`flowmap-studio --demo`: the guided flight, performed by itself with the real engine.

It takes hold of a shipped model, sets it beside what it was early in its training, trains a new one
for about a minute, explores that with its error map and its film, exports, and leaves a picture of
each and what it exported in a folder.
"""

import asyncio
import math
import sys
from collections.abc import Callable
from pathlib import Path

from engine.contract.errors import UserError
from studio.assembly import Studio
from studio.link.link import LinkError
from studio.model.run_model import RunModel
from studio.view.explore.export_choice import Choice

PATIENCE = 900.0  # seconds for one wait; a slow machine trains a minute's steps in several
STEPS = 4000
FRAMES = 40  # of one scrub
ENDED = ("finished", "stopped", "failed")


class DemoError(UserError):
    """The flight could not go on: one sentence."""


async def perform(studio: Studio, out: Path) -> int:
    """Fly, write into `out`, and return the exit status."""
    flight = _Flight(studio, out)
    try:
        await flight.explore_shipped()
        await flight.compare()
        run = await flight.train()
        await flight.explore_trained(run)
        await flight.map()
        await flight.film(run)
        await flight.shoot_light()
    except (UserError, LinkError, TimeoutError) as error:
        sys.stderr.write(f"The flight ended early: {error or 'the engine did not answer.'}\n")
        return 1
    _say(f"Done. {len(flight.written)} files in {out}: {', '.join(flight.written)}")
    return 0


class _Flight:
    """The studio, seen as someone who uses it."""

    def __init__(self, studio: Studio, out: Path) -> None:
        self.studio, self.out = studio, out
        self.window, self.explore = studio.window, studio.models.explore
        self.written: list[str] = []
        self.window.resize(1440, 900)
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DemoError(f"{out} cannot be made: {error.strerror}.") from error

    async def explore_shipped(self) -> None:
        """A shipped model under the pad."""
        shipped = self.studio.models.catalogue.models
        name = next((n for n in shipped if "emoji" in n), next(iter(shipped), ""))
        if not name:
            raise DemoError("No model is shipped with this program; install it anew.")
        _say(f"Explore: {name}")
        self.studio.explore_model(name)
        await self._until(lambda: self.explore.model is not None and self.explore.name == name)
        self.explore.set_times(1.0, 0.0)
        await self._until(self._answered)
        await self.export(Choice("x_s", "PNG", 8), "one-step-grid.png")
        await self._scrub()
        await self.shoot("explore-pictures.png")

    async def compare(self) -> None:
        """The shipped model beside what it was early in its training, from the same noise."""
        film, companions = self.studio.models.film, self.studio.models.companions
        await self._until(lambda: len(film.steps) > 1)
        early = f"{self.explore.name}@{film.steps[0]}"
        _say(f"Compare: {early}")
        self.explore.set_times(1.0, 0.0)
        await companions.add(early)
        await self._until(lambda: self._answered() and companions.all[0].states is not None)
        await self.shoot("explore-pair.png")
        companions.remove(early)

    async def train(self) -> RunModel:
        """A new model of points, trained before our eyes."""
        self.window.show_page("Train")
        form = self.studio.models.form
        form.choose_preset("points-meanflow")
        form.set("training.steps", str(STEPS))
        if found := form.problems():
            raise DemoError(found[0].message)
        _say(f"Train: points-meanflow, {STEPS} steps")
        run = await self.studio.models.runs.start(form.spec)
        await self._until(lambda: run.info.step > 0.6 * STEPS or run.info.state in ENDED)
        await self.shoot("train.png")
        await self._until(lambda: run.info.state in ENDED)
        if run.info.state != "finished":
            raise DemoError(f"The training is {run.info.state}: {run.info.message}")
        await self.shoot("train-finished.png")
        return run

    async def explore_trained(self, run: RunModel) -> None:
        """What was just trained, beside the exact flow map."""
        _say(f"Explore: {run.name}")
        self.studio.explore_model(run.name)
        await self._until(lambda: self.explore.model is not None and self.explore.name == run.name)
        await self._scrub()
        self.explore.set_times(0.8, 0.1)
        await self._until(lambda: self._answered() and self.explore.trace is not None)
        await self.shoot("explore-points.png")
        await self.export(Choice("plot", "SVG", 1), "points.svg")
        await self.export(Choice("arrays", "NPZ", 1), "points.npz")

    async def map(self) -> None:
        """How far each jump ends from where the true flow goes, over the whole pad."""
        maps = self.studio.models.maps
        maps.choose("error")
        await self._until(
            lambda: bool(maps.problem) or (maps.field is not None and maps.field.whole)
        )
        if maps.field is None:
            raise DemoError(maps.problem)
        _say(f"Map: {len(maps.field.values)} places")
        await self.shoot("explore-map.png")
        await self.export(Choice("map", "PNG", 2, map="error"), "error-map.png")
        maps.choose(None)

    async def film(self, run: RunModel) -> None:
        """The training from its first kept step to its last."""
        film = self.studio.models.film
        await self._until(lambda: film.run is not None and film.run.name == run.name)
        await self._until(lambda: film.steps[-1:] == (run.info.checkpoint,))
        _say(f"Film: {len(film.steps)} steps")
        self.explore.set_times(1.0, 0.0)
        film.show(film.steps[0])
        await self._until(lambda: film.step == film.steps[0] and self._answered())
        await self.shoot("explore-film.png")
        film.play()
        await self._until(lambda: not film.playing and film.step == film.steps[-1])
        await self.export(Choice("training", "GIF", fps=4, size=384), "training.gif")

    async def shoot_light(self) -> None:
        """The same in light."""
        before = self.studio.theme.name
        self.studio.theme.set("light" if before == "dark" else "dark")
        await self.shoot(f"explore-points-{self.studio.theme.name}.png")
        self.studio.theme.set(before)

    async def shoot(self, name: str) -> None:
        """A picture of the window as it stands."""
        await asyncio.sleep(0.5)  # what was asked for last is painted by then
        if not self.window.grab().save(str(self.out / name)):
            raise DemoError(f"{self.out / name} cannot be written.")
        self._wrote(name)

    async def export(self, choice: Choice, name: str) -> None:
        """What the export dialog would write."""
        path = self.out / name
        path.unlink(missing_ok=True)
        self.studio.explore.save(choice, path)
        await self._until(path.exists)
        self._wrote(name)

    async def _scrub(self) -> None:
        """Once around the triangle, waiting for each picture as an eye would."""
        frames = []
        for k in range(FRAMES):
            s = 0.5 - 0.5 * math.cos(2 * math.pi * k / FRAMES)
            self.explore.set_times(1.0, 0.9 * s)
            await self._until(self._answered)
            frames.append(self.explore.frame_ms)
        middle = sorted(frames)[len(frames) // 2]
        _say(f"  {FRAMES} jumps, median {middle:.1f} ms from request to states")

    def _answered(self) -> bool:
        states = self.explore.states
        return states is not None and (states.t, states.s) == (self.explore.t, self.explore.s)

    async def _until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not true():
                await asyncio.sleep(0.005)

    def _wrote(self, name: str) -> None:
        self.written.append(name)
        _say(f"  wrote {name}")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
