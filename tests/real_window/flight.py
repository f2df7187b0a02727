"""`python -m tests.real_window.flight FOLDER`: a person at a real X window, by mouse and keys.

xdotool moves the pointer and presses the keys; where to is asked of the widgets, never guessed.
"""

import asyncio
import shutil
import sys
from pathlib import Path

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QToolButton, QWidget

from engine.contract.catalogue import shipped_models
from studio.assembly import Studio
from tests.bench.live_studio import until, with_studio


async def xdotool(*words: object) -> None:
    """One act of the hand."""
    tool = shutil.which("xdotool")
    assert tool
    child = await asyncio.create_subprocess_exec(tool, *map(str, words))
    assert await child.wait() == 0
    await asyncio.sleep(0.1)


async def move_to(widget: QWidget, place: QPoint) -> None:
    at, ratio = widget.mapToGlobal(place), widget.devicePixelRatioF()
    await xdotool("mousemove", "--sync", round(at.x() * ratio), round(at.y() * ratio))


async def click(widget: QWidget) -> None:
    await move_to(widget, widget.rect().center())
    await xdotool("click", 1)


def rail_button(studio: Studio, title: str) -> QToolButton:
    buttons = studio.window.findChildren(QToolButton)
    return next(b for b in buttons if b.accessibleName() == f"{title} page")


async def fly(studio: Studio) -> None:
    explore, runs, form = studio.models.explore, studio.models.runs, studio.models.form
    await until(studio.window.isActiveWindow)

    await click(rail_button(studio, "Explore"))
    studio.explore_model(next(n for n in shipped_models() if "eight" in n))
    await until(lambda: explore.states is not None)
    pad = studio.explore.where.pad
    geometry = pad.geometry_of_times
    for act, t, s in (("mousedown", 0.9, 0.3), ("mouseup", 0.6, 0.2)):
        await move_to(pad, geometry.pixel(t, s).toPoint())
        await xdotool(act, 1)
    step = 1.5 / geometry.side
    assert abs(explore.t - 0.6) < step, explore.t
    assert abs(explore.s - 0.2) < step, explore.s
    before = explore.s
    await xdotool("key", "Up")
    assert abs(explore.s - before - 0.01) < 1e-6, (before, explore.s)
    await until(lambda: explore.states and explore.states.s == explore.s)
    await shoot(studio, "explore.png")

    await click(rail_button(studio, "Train"))
    assert studio.window.page_title() == "Train"
    form.choose_preset("points-meanflow")
    for key, value in (("training.steps", 30), ("training.warmup", 1), ("network.width", 16)):
        form.set(key, value)
    await xdotool("key", "ctrl+Return")
    await until(lambda: runs.current is not None and runs.current.info.state == "finished")
    await until(lambda: runs.current and len(runs.current.steps) == 30)
    await shoot(studio, "train.png")


async def shoot(studio: Studio, name: str) -> None:
    await asyncio.sleep(0.3)
    assert studio.window.grab().save(str(Path(sys.argv[1]) / name))


if __name__ == "__main__":
    with_studio(fly)
