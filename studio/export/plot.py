"""A plot of points as SVG."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray

from engine.contract.facts import Facts
from engine.contract.plot import Dots as Dots
from engine.contract.plot import Lines as Lines

SIDE = 1000  # of the drawing, in its own units


@dataclass(frozen=True)
class Window:
    """The square of the plane that is shown: its middle and half of its side."""

    x: float
    y: float
    half: float


def svg(layers: Sequence[Dots | Lines], window: Window, paper: str, facts: Facts) -> bytes:
    """The bytes of an SVG: a group for each layer in its order, the facts in title and metadata.

    Marks outside the window are kept in the file and clipped on the screen.
    """
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE} {SIDE}">',
        f"<title>{escape(_printable(' · '.join(facts.lines())))}</title>",
        f"<metadata>{escape(facts.json())}</metadata>",
        f'<rect width="{SIDE}" height="{SIDE}" fill={quoteattr(paper)}/>',
    ]
    for layer in layers:
        parts += _dots(layer, window) if isinstance(layer, Dots) else _lines(layer, window)
    return "\n".join([*parts, "</svg>", ""]).encode("utf-8", "replace")


def _printable(text: str) -> str:
    """The text without characters that XML cannot hold (a file's name may have any)."""
    return "".join(c if c.isprintable() else "�" for c in text)


def _dots(layer: Dots, window: Window) -> Iterator[str]:
    colour, name = quoteattr(layer.colour), quoteattr(layer.name)
    look = f'fill="none" stroke={colour}' if layer.hollow else f"fill={colour}"
    yield f'<g id={name} {look} opacity="{layer.opacity:g}">'
    for x, y in _drawing(layer.places, window):
        yield f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{layer.radius:g}"/>'
    yield "</g>"


def _lines(layer: Lines, window: Window) -> Iterator[str]:
    colour, name = quoteattr(layer.colour), quoteattr(layer.name)
    look = f'fill="none" stroke={colour} stroke-width="{layer.width:g}"'
    yield f'<g id={name} {look} opacity="{layer.opacity:g}">'
    for path in layer.places.swapaxes(0, 1):
        places = " ".join(f"{x:.2f},{y:.2f}" for x, y in _drawing(path, window))
        yield f'<polyline points="{places}"/>'
    yield "</g>"


def _drawing(places: NDArray[np.float32], window: Window) -> list[list[float]]:
    """Places of the plane in the drawing's units; y points down there."""
    unit = SIDE / (2 * window.half)
    moved = (places.astype(np.float64) - (window.x, window.y)) * (unit, -unit) + SIDE / 2
    kept: list[list[float]] = moved[np.isfinite(moved).all(-1)].tolist()
    return kept
