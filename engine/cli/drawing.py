"""How states are drawn, and the options for it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.contract.commands import Shown
from engine.contract.errors import UserError
from engine.contract.facts import Facts
from engine.contract.films import Film, ThemeName

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from engine.contract.plot import Dots, Lines
    from engine.exchange.plots import Window
    from engine.explore.films import Shot

Theme = Annotated[ThemeName, typer.Option(help="Colours of plots, words and empty places.")]
Scale = Annotated[int, typer.Option(min=1, max=16, help="Pixels become so many times larger.")]
Caption = Annotated[bool, typer.Option("--caption", help="Write t, s, seed and model under it.")]
PLOT = 800  # pixels of a plot's side at scale 1


def jump_drawn(
    out: Path,
    x_t: "Tensor",
    x_s: "Tensor",
    facts: Facts,
    shown: Shown,
    picture: int,
    scale: int,
    caption: bool,
    theme: ThemeName,
) -> bytes:
    """The bytes of a PNG of pictures. Raises UserError for what cannot be drawn so."""
    from engine.data.pixels import to_pixels
    from engine.exchange.palette import PALETTES
    from engine.exchange.pictures import grid, on_paper

    if out.suffix == ".svg":
        raise UserError(f"{out.name} wants points; write pictures to .png.")
    pictures = to_pixels(x_s if shown == "x_s" else x_t)
    if picture >= len(pictures):
        raise UserError(f"--picture must lie between 1 and {len(pictures)}, or be 0 for all.")
    if picture >= 0:
        pictures = pictures[picture : picture + 1]
    lines = facts.lines() if caption else ()
    return on_paper(grid(pictures, scale), lines, PALETTES[theme]).content(facts)


def plot_drawn(
    out: Path,
    layers: "Sequence[Dots | Lines]",
    window: "Window",
    facts: Facts,
    scale: int,
    caption: bool,
    theme: ThemeName,
) -> bytes:
    """The bytes of a PNG or SVG of points of the plane."""
    from engine.exchange.canvas import Canvas, Raster, Svg
    from engine.exchange.palette import PALETTES
    from engine.exchange.plots import SIDE, draw_layers

    look = PALETTES[theme]
    height = SIDE + (40 if caption else 0)
    canvas: Canvas = (
        Svg(SIDE, height, look.card)
        if out.suffix == ".svg"
        else Raster(SIDE, height, look.card, scale * PLOT / SIDE)
    )
    draw_layers(canvas, window, look, layers, SIDE / PLOT)
    canvas.rect(0, SIDE, SIDE, height - SIDE, look.card)  # marks end where the plot does
    for row, line in enumerate(facts.lines() if caption else ()):
        canvas.text(SIDE / 2, SIDE + 13 + 16 * row, line, look.text, 11, "middle")
    return canvas.content(facts)


def frames_drawn(film: Film, shots: "list[Shot]") -> "Callable[[int], Image.Image]":
    """How to draw the frame of that number: pictures as a grid, points in one window for all."""
    if shots[0].x_s.ndim == 2:
        return _plots(film, shots)
    return _grids(film, shots)


def _grids(film: Film, shots: "list[Shot]") -> "Callable[[int], Image.Image]":
    from engine.data.pixels import to_pixels
    from engine.exchange.palette import PALETTES
    from engine.exchange.pictures import fitting_scale, grid, on_paper, words_width

    look = PALETTES[film.theme]
    pictures = [to_pixels(shot.x_s) for shot in shots]
    scale = fitting_scale(pictures[0], film.size)
    said = [(_said(film, shot),) if film.caption else () for shot in shots]
    width = max(map(words_width, said))  # the same for all frames

    def frame(k: int) -> "Image.Image":
        return on_paper(grid(pictures[k], scale, look.card), said[k], look, width).image

    return frame


def _plots(film: Film, shots: "list[Shot]") -> "Callable[[int], Image.Image]":
    import torch

    from engine.contract.plot import Ways, jump_layers
    from engine.exchange.canvas import Raster
    from engine.exchange.palette import PALETTES
    from engine.exchange.plots import SIDE, TRAILS, draw_layers, window_of

    look = PALETTES[film.theme]
    moving = [shot.x_s.numpy() for shot in shots]
    stood = [shot.x_t.numpy() for shot in shots if shot.x_t is not None]
    window = window_of([*moving, *stood])
    trails = torch.stack([shot.x_s[:TRAILS] for shot in shots]).numpy()

    def frame(k: int) -> "Image.Image":
        height = SIDE + (30 if film.caption else 0)
        canvas = Raster(SIDE, height, look.card, film.size / SIDE)
        x_t, ways = shots[k].x_t, Ways(trails[: k + 1]) if film.kind == "trajectory" else None
        start = moving[k] if x_t is None else x_t.numpy()
        shown = ("learned", "paths") if x_t is None else ("start", "learned")
        draw_layers(canvas, window, look, jump_layers(start, moving[k], ways, shown, look))
        canvas.rect(0, SIDE, SIDE, height - SIDE, look.card)  # marks end where the plot does
        if film.caption:
            canvas.text(SIDE / 2, SIDE + 14, _said(film, shots[k]), look.text, 14, "middle")
        return canvas.image

    return frame


def _said(film: Film, shot: "Shot") -> str:
    """The line under a frame: first what moves."""
    evaluations = f"{shot.nfe:,} NFE"
    match film.kind:
        case "training":
            return f"step {shot.step:,} · t {shot.t:.3f} → s {shot.s:.3f} · {evaluations}"
        case "trajectory":
            return f"t {shot.s:.3f} · after {evaluations}"
    return f"t {shot.t:.3f} → s {shot.s:.3f} · {evaluations}"
