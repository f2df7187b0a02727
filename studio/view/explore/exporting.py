"""From what a person chose to export to the bytes of the file."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QSizeF
from PySide6.QtGui import QColor, QImage, QPainter

from engine.contract.facts import Facts
from engine.contract.messages import Jump
from studio.export.arrays import npz
from studio.export.pictures import annotated, as_image, grid_array, png, square_columns
from studio.export.plot import Dots, Lines, Window, svg
from studio.model.catalogue_model import CatalogueModel
from studio.model.explore_model import ExploreModel
from studio.model.states import read_arrays
from studio.theme.tokens import Tokens
from studio.view.explore.export_choice import FILMS, Choice
from studio.view.explore.plot_drawing import PlotDrawing

PLOT_SIDE = 800  # logical pixels of an exported plot
LARGEST_PLOT = 4  # times that


@dataclass(frozen=True)
class Sight:
    """What is in sight besides the model's own state: the picked picture and the plot."""

    index: int
    layers: list[Dots | Lines]
    window: Window | None
    tokens: Tokens


def facts_of(explore: ExploreModel, catalogue: CatalogueModel) -> Facts | None:
    """Where what is in sight comes from; None before there is anything."""
    model, states = explore.model, explore.states
    if model is None or states is None:
        return None
    method, source = catalogue.method(model.method), states.source
    names = model.data.labels
    return Facts(
        model=model.name,
        method=method.title if method else model.method,
        data=model.data.name,
        step=model.step,
        ema=model.ema,
        t=states.t,
        s=states.s,
        nfe=states.nfe,
        source=source.kind,
        seed=source.seed,
        count=len(states.x_s),
        label=names[source.label] if 0 <= source.label < len(names) else "",
    )


async def content(choice: Choice, explore: ExploreModel, facts: Facts, sight: Sight) -> bytes:
    """The bytes of the file, encoded beside the window's thread.

    Raises ExportError, Refusal or LinkClosed.
    """
    if choice.what == "arrays":
        arrays = await _numbers(explore)
        facts = replace(facts, t=round(float(arrays["t"]), 6), s=round(float(arrays["s"]), 6))
        return await asyncio.to_thread(npz, arrays, facts)
    if choice.format == "SVG":
        assert sight.window is not None
        paper = sight.tokens.card
        return await asyncio.to_thread(svg, sight.layers, sight.window, paper, facts)
    draw = drawer(choice, explore, sight)
    return await asyncio.to_thread(_png, draw, facts, choice.annotate)


async def _numbers(explore: ExploreModel) -> dict[str, NDArray]:
    """The jump in sight as float32, wherever the hand is by now. Raises Refusal or LinkClosed."""
    states = explore.states
    assert states is not None
    sampler = explore.sampler_between(states.t, states.s)
    at = states.source, states.t, states.s, states.steps
    asked = Jump(0, explore.name, *at, raw=True, sampler=sampler)
    answer, payload = await explore.ask_jump(asked)
    arrays = read_arrays(answer, payload, "x_t", "x_s")
    return {**arrays, "t": np.array(answer.t), "s": np.array(answer.s)}


def drawer(choice: Choice, explore: ExploreModel, sight: Sight) -> Callable[[], QImage]:
    """How to draw the chosen image from what is in sight now, in any thread."""
    states = explore.states
    assert states is not None
    if choice.what == "plot":
        return lambda: plot_image(sight, min(choice.scale, LARGEST_PLOT))
    pictures = states.x_t if choice.what == "x_t" else states.x_s
    if choice.what == "picture":
        index = min(sight.index, len(pictures) - 1)
        pictures = pictures[index : index + 1]
    columns = square_columns(len(pictures))
    return lambda: as_image(grid_array(pictures, columns, choice.scale))


def plot_image(sight: Sight, scale: int) -> QImage:
    """The plot as a square on the card's colour."""
    assert sight.window is not None
    drawing = PlotDrawing(QSizeF(PLOT_SIDE, PLOT_SIDE), scale)
    plot = drawing.draw(sight.layers, sight.window, sight.tokens)
    paper = QImage(plot.size(), QImage.Format.Format_RGB32)
    paper.setDevicePixelRatio(scale)
    paper.fill(QColor(sight.tokens.card))
    painter = QPainter(paper)
    painter.drawImage(0, 0, plot)
    painter.end()
    paper.setDevicePixelRatio(1)
    return paper


def _png(draw: Callable[[], QImage], facts: Facts, annotate: bool) -> bytes:
    image = draw()
    return png(annotated(image, facts) if annotate else image, facts)


def suggested_name(facts: Facts, choice: Choice) -> str:
    """A file name that says what it is."""
    model = "".join(c if c.isalnum() or c in "-_." else "-" for c in facts.model).strip("-.")
    seed = f"seed{facts.seed}"
    if choice.what in (*FILMS, "map"):
        what = f"{choice.map}-map" if choice.what == "map" else choice.what
        return f"{model[-60:]}-{what}-{seed}.{choice.suffix}"
    where = f"t{facts.t:.3f}-s{facts.s:.3f}-{seed}"
    return f"{model[-60:]}-{choice.what.replace('_', '')}-{where}.{choice.suffix}"
