"""`python -m tests.real_window.tour FOLDER`: the explorer's twelve things, by mouse and keys.

A picture of the whole screen of each; those of the manual (`docs/explore.md`) are made so. `--theme
light` and `--size 1920x1080` (of the window, in its own units) show them otherwise; parts of the
tour may be named.
"""

import argparse
import asyncio
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from PySide6.QtCore import QPoint, QPointF, QSize
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPushButton, QWidget

from engine.contract.catalogue import shipped_models
from studio.assembly import Studio
from studio.model.pixel_model import PixelPaths
from studio.model.run_model import RunModel
from tests.bench.live_studio import with_studio
from tests.real_window.flight import click, move_to, rail_button, xdotool

PARTS = ("points", "pictures", "trained", "pages")
LIMIT = 60.0  # seconds that anything takes


async def until(true: Callable[[], object]) -> None:
    """Wait until something holds; where it never does, leave a picture of how it stands."""
    try:
        async with asyncio.timeout(LIMIT):
            while not true():
                await asyncio.sleep(0.01)
    except TimeoutError:
        await shoot("stuck")
        raise


def shipped(part: str) -> str:
    return next(name for name in shipped_models() if part in name)


async def keys(*names: str) -> None:
    for name in names:
        await xdotool("key", name)


async def drag(widget: QWidget, *places: QPoint) -> None:
    await move_to(widget, places[0])
    await xdotool("mousedown", 1)
    for place in places[1:]:
        await move_to(widget, place)
    await xdotool("mouseup", 1)


async def shoot(name: str, seconds: float = 0.6) -> None:
    """The screen, with whatever stands open on it."""
    await asyncio.sleep(seconds)
    picture = QGuiApplication.primaryScreen().grabWindow(0)
    assert picture.save(str(ASKED.folder / f"{name}.png"))


async def hold(studio: Studio, name: str) -> None:
    explore = studio.models.explore
    studio.explore_model(name)
    await until(lambda: explore.model is not None and explore.model.name == name)
    await until(lambda: explore.states is not None)


async def pick(studio: Studio, wanted: str) -> None:
    """Shift+M, and down the menu to what is wanted."""
    menu = studio.explore.chips.menu_of_models
    await keys("shift+m")
    await until(menu.isVisible)
    titles = [a.text() for a in menu.actions() if a.isEnabled() and not a.isSeparator()]
    await keys(*["Down"] * (titles.index(wanted) + 1), "Return")


async def points(studio: Studio) -> None:
    """The pad, a map, fields, models beside each other."""
    explore, maps, page = studio.models.explore, studio.models.maps, studio.explore
    await hold(studio, shipped("eight"))
    pad = page.where.pad
    place = pad.geometry_of_times.pixel
    await drag(pad, place(0.9, 0.5).toPoint(), place(0.8, 0.2).toPoint(), place(0.8, 0).toPoint())
    await click(page.where.map.choice)
    await keys("Down", "Return")
    await until(lambda: maps.kind == "error" and maps.field is not None and maps.field.whole)
    await shoot("1-pad-and-map")
    await keys("f")
    await until(lambda: studio.models.fields.seen is not None)
    await shoot("8-fields")
    await keys("f", "h")
    plot = page.particles.plot
    await move_to(plot, plot.rect().center() + QPoint(40, 25))
    await until(lambda: studio.models.closer.chord.seen is not None)
    await shoot("8-chord", 1.0)
    await keys("h")
    await pick(studio, shipped("spiral"))
    await until(lambda: studio.models.companions.all and studio.models.companions.all[0].states)
    await shoot("5-models")
    studio.models.companions.remove(shipped("spiral"))
    maps.choose(None)
    await asyncio.sleep(0.5)  # the card is laid out anew
    await click(page.where.steps)
    await keys("ctrl+a", "4", "Return")
    await until(lambda: explore.steps == 4)
    strip = page.schedule.strip
    await until(lambda: page.schedule.isVisible())
    time = strip.times[2]
    await drag(strip, strip.place(time, 2).toPoint(), strip.place(time + 0.1, 2).toPoint())
    await until(lambda: bool(explore.shares))
    await shoot("7-times-on-the-way")
    await keys("ctrl+z")
    await until(lambda: not explore.shares)
    await click(page.where.source.kinds["blend"])
    await shoot("2-blend")
    await click(page.where.source.kinds["noise"])


async def pictures(studio: Studio) -> None:
    """The truth, a round trip, part of a picture kept, one training step."""
    explore, companions, page = studio.models.explore, studio.models.companions, studio.explore
    await hold(studio, shipped("emoji"))
    explore.set_steps(1)
    pad = page.where.pad
    place = pad.geometry_of_times.pixel
    await drag(pad, place(0.9, 0.1).toPoint(), place(0.8, 0).toPoint())
    await pick(studio, "The true flow")
    await until(lambda: companions.all and companions.all[0].beside is explore.states)
    await keys("c", "c", "c")
    await move_to(page.pictures.others[0], page.pictures.others[0].tiles.rect(4).center().toPoint())
    await shoot("3-truth-wiped")
    page.pictures.comparing.choose("side")
    await keys("p")
    end, closer = page.pictures.end, studio.models.closer
    for across, down in ((0.3, 0.5), (0.6, 0.3), (0.9, 0.9)):
        face = end.tiles.rect(0)  # with the first of them the pictures make room for the curves
        place = face.topLeft() + QPointF(across * face.width(), down * face.height())
        await move_to(end, place.toPoint())
        await xdotool("click", 1)
        await asyncio.sleep(0.5)
    await until(lambda: both_ways(closer.pixels.paths, 3))
    await shoot("8-pixels", 1.0)
    await keys("Delete", "Delete", "Delete", "p")
    companions.remove("truth")
    await keys("f")
    await until(lambda: closer.picture_fields.seen is not None)
    await shoot("8-picture-fields", 1.0)
    await keys("f")
    await click(page.where.source.kinds["data"])
    await click(page.where.source.way.chips["carried"])
    await keys("o")
    await until(lambda: explore.states and explore.states.round_trip is not None)
    await pick(studio, "The data that it came from")
    await until(lambda: companions.all and companions.all[0].states is not None)
    page.pictures.comparing.choose("side")
    await shoot("9-round-trip", 2.0)
    companions.remove("origin")
    await click(page.where.source.kinds["sample"])
    await until(lambda: explore.source.kind == "sample")
    await click(page.where.source.sample.ways["noised"])
    explore.set_steps(4)
    page.where.keep.choice.setFocus()
    await keys("Down")
    await until(lambda: explore.sampler.keep is not None)
    await shoot("9-kept", 2.0)
    await click(page.where.source.kinds["noise"])
    await keys("t")
    await until(lambda: studio.models.training_step.step is not None)
    await shoot("10-one-step", 1.0)
    await keys("t")
    await keys("ctrl+e")
    await shoot("12-export", 1.5)
    await keys("Escape")


def both_ways(paths: PixelPaths | None, count: int) -> bool:
    """Whether the learned and the true paths of so many pixels are there."""
    return paths is not None and len(paths.pixels) == count and paths.exact is not None


async def trained(studio: Studio) -> None:
    """Points are drawn and trained on; the film of it, its loss map, and a fork."""
    models, explore = studio.models, studio.models.explore
    await click(rail_button(studio, "Train"))
    models.form.choose_preset("points-psd")
    for key, value in (("training.steps", 600), ("cadence.save", 50), ("cadence.film", 12)):
        models.form.set(key, value)
    await asyncio.sleep(0.5)
    view = studio.train.form.view
    await click(view.draw)
    await until(lambda: models.drawing is not None and board(studio) is not None)
    canvas = board(studio)
    size = canvas.size()
    heart = [(0.5, 0.75), (0.25, 0.5), (0.3, 0.3), (0.5, 0.4), (0.7, 0.3), (0.75, 0.5), (0.5, 0.75)]
    places = [QPoint(round(x * size.width()), round(y * size.height())) for x, y in heart]
    for start, end in pairwise(places):
        between = [start + (end - start) * k / 6 for k in range(7)]
        await drag(canvas, *between)
    await shoot("11-drawing")
    await click(used(studio))
    await until(lambda: models.form.spec.data.name == "drawing-1")
    run = await train(studio)
    await shoot("6-trained")
    await hold(studio, run.name)
    models.maps.choose("loss")
    await until(lambda: bool(models.film.steps))
    models.film.show(models.film.steps[len(models.film.steps) // 2])
    await until(lambda: "@" in explore.name and explore.states is not None)
    await until(lambda: models.maps.field is not None or models.maps.problem)
    await shoot("4-6-film-and-loss", 2.0)
    await click(studio.explore.film.fork)
    await shoot("6-fork", 1.0)
    await train(studio, "6-forking")
    await shoot("6-forked")


async def train(studio: Studio, meanwhile: str = "") -> RunModel:
    """Start what the form says, and wait until it is trained; a picture `meanwhile`."""
    runs, before = studio.models.runs, studio.models.runs.current
    await keys("ctrl+Return")
    await until(lambda: runs.current and runs.current is not before)
    run = runs.current
    assert run is not None
    if meanwhile:
        await until(lambda: run.info.step > 20)
        await shoot(meanwhile)
    await until(lambda: run.info.state == "finished")
    return run


def used(studio: Studio) -> QWidget:
    return next(b for b in studio.window.findChildren(QPushButton) if b.text() == "Use it")


def board(studio: Studio) -> QWidget | None:
    from studio.view.train.drawing_board import DrawingBoard

    found = studio.window.findChildren(DrawingBoard)
    return next((one for one in found if one.isVisible()), None)


async def pages(studio: Studio) -> None:
    """What the twelve do not show: the film of a shipped run, the form, opened steps."""
    models, explore, step = studio.models, studio.models.explore, studio.models.training_step
    await hold(studio, shipped("eight"))
    await until(lambda: len(models.film.steps) > 4)
    models.film.show(models.film.steps[4])
    await until(lambda: "@" in explore.name and explore.states is not None)
    models.maps.choose("loss")
    await until(lambda: models.maps.field is not None)
    await shoot("13-film-of-a-shipped-run", 1.5)
    models.maps.choose(None)
    await keys("t")
    await until(lambda: models.training_step.step is not None)
    await shoot("14-one-step-of-points", 1.0)
    await keys("t")
    await click(rail_button(studio, "Train"))
    for preset in ("points-ctm", "points-psd", "emoji-16-meanflow"):
        models.form.choose_preset(preset)
        await shoot(f"15-form-{preset}")
    for preset in ("points-ctm", "points-psd"):
        models.form.choose_preset(preset)
        for key, value in (("training.steps", 40), ("cadence.save", 20), ("training.warmup", 2)):
            models.form.set(key, value)
        await hold(studio, (await train(studio)).name)
        await keys("t")
        await until(lambda: step.step is not None or step.problem)
        await shoot(f"16-step-of-{preset}", 1.0)
        await keys("t")
        await click(rail_button(studio, "Train"))


async def tour(studio: Studio) -> None:
    studio.theme.set(ASKED.theme)
    studio.window.resize(ASKED.size)
    studio.window.move(0, 0)
    await until(studio.window.isActiveWindow)
    await until(lambda: bool(studio.models.catalogue.models))
    parts: dict[str, Callable] = {
        "points": points,
        "pictures": pictures,
        "trained": trained,
        "pages": pages,
    }
    for name in ASKED.parts or PARTS:
        await parts[name](studio)


def _size(text: str) -> QSize:
    width, height = map(int, text.split("x"))
    return QSize(width, height)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.real_window.tour")
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all where none is named")
    parser.add_argument("--theme", choices=("dark", "light"), default="dark")
    parser.add_argument("--size", type=_size, default=QSize(1280, 800), help="WIDTHxHEIGHT")
    return parser.parse_intermixed_args()


if __name__ == "__main__":
    ASKED = _asked()
    ASKED.folder.mkdir(parents=True, exist_ok=True)
    with_studio(tour)
