"""A plot of points: its layers from back to front, the same in the window and in every file."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from engine.contract.source import Source

Points = NDArray[np.float32]
Layer = Literal["start", "learned", "exact", "paths", "v", "u", "mesh"]
LAYERS: tuple[Layer, ...] = ("start", "learned", "exact", "paths", "v", "u", "mesh")
USUAL: tuple[Layer, ...] = ("start", "learned")  # of a command that says nothing
FIELDS: tuple[Layer, ...] = ("v", "u", "mesh")
PARTS = 21  # places of a field along a side
_RINGS = 512  # more would hide what they are compared with
_LONGEST = 0.9  # of an arrow, as a share of the gap between two places
_HEAD, _WIDE = 0.3, 0.55  # of an arrow: the length of its head, and half its width to that


class Plot(Struct, frozen=True):
    """What a plot of a jump shows: layers, the models beside, and the square (x, y, half a side).

    Without a square, one around nearly all points.
    """

    layers: tuple[Layer, ...] = USUAL
    beside: tuple[str, ...] = ()
    window: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Dots:
    """Points [n, 2] as discs or, hollow, as rings; `radius` in units of the drawing."""

    name: str
    places: Points
    colour: str
    radius: float = 3.0
    opacity: float = 1.0
    hollow: bool = False


@dataclass(frozen=True)
class Lines:
    """Paths [k, paths, 2] as thin lines."""

    name: str
    places: Points
    colour: str
    width: float = 1.0
    opacity: float = 1.0


class Ink(Protocol):
    """Colours, each `#rrggbb`; of `models` the first is that in hand, the second the truth."""

    @property
    def text(self) -> str: ...
    @property
    def muted(self) -> str: ...
    @property
    def models(self) -> tuple[str, ...]: ...


class Trail(Protocol):
    """Paths [k, paths, 2] and the true ends [n, 2]; None where they are not known."""

    @property
    def learned(self) -> Points: ...
    @property
    def exact(self) -> Points | None: ...
    @property
    def exact_x_s(self) -> Points | None: ...


class Ways(NamedTuple):
    """A trail."""

    learned: Points
    exact: Points | None = None
    exact_x_s: Points | None = None


class Seen(NamedTuple):
    """A field."""

    places: Points
    v: Points | None
    u: Points | None
    exact: Points | None
    t: float
    s: float


class Field(Protocol):
    """Velocities [p, p, 2] at even places of the plane, None where they are not known."""

    @property
    def places(self) -> Points: ...
    @property
    def v(self) -> Points | None: ...
    @property
    def u(self) -> Points | None: ...
    @property
    def exact(self) -> Points | None: ...
    @property
    def t(self) -> float: ...
    @property
    def s(self) -> float: ...


def jump_layers(
    x_t: Points,
    x_s: Points,
    trace: Trail | None,
    shown: Collection[str],
    ink: Ink,
    others: Sequence[Points | None] = (),
) -> list[Dots | Lines]:
    """The layers of a jump; `others` are what the models beside make of the same samples."""
    learned, exact = ink.models[0], ink.models[1]
    radius = mark_radius(len(x_s))
    made: list[Dots | Lines] = []
    if "start" in shown:
        made.append(Dots("start", x_t, ink.muted, radius * 0.7, 0.35))
    if trace is not None and "paths" in shown:
        if "exact" in shown and trace.exact is not None:
            made.append(Lines("exact paths", trace.exact, exact, 1.0, 0.55))
        made.append(Lines("paths", trace.learned, learned, 1.0, 0.7))
    for place, other in enumerate(others):
        if other is not None and "learned" in shown and other.shape == x_s.shape:
            name = f"companion {place + 1}"
            made.append(Dots(name, other, ink.models[2 + place], radius, 0.7))
    if "learned" in shown:
        made.append(Dots("learned", x_s, learned, radius, 0.85))
    if trace is not None and trace.exact_x_s is not None and "exact" in shown:
        rings = trace.exact_x_s[:_RINGS]
        made.append(Dots("exact", rings, exact, max(3.0, radius + 1.0), 0.9, hollow=True))
    return made


def field_layers(
    field: Field | None, shown: Collection[str], exact: bool, ink: Ink
) -> list[Dots | Lines]:
    """The layers of fields over the plane; the true velocity where it is `exact` and known."""
    made: list[Dots | Lines] = []
    if field is None:
        return made
    if "mesh" in shown and field.u is not None:
        made.append(Lines("mesh", mesh(field), ink.muted, 1.0, 0.8))
    found = {}
    if "v" in shown:
        found["exact velocity"] = (field.exact if exact else None, ink.models[1], 0.8)
        found["velocity"] = (field.v, ink.models[0], 0.9)
    if "u" in shown:
        found["average velocity"] = (field.u, ink.models[2], 0.9)
    known = [way for way, _, _ in found.values() if way is not None]
    most = max((float(np.hypot(w[..., 0], w[..., 1]).max()) for w in known), default=0.0)
    for name, (way, colour, opacity) in found.items():
        if way is not None and most > 0:
            made.append(Lines(name, arrows(field.places, way, most), colour, 1.2, opacity))
    return made


def hand_layers(source: Source, x_t: Points, x_s: Points, ink: Ink) -> list[Dots | Lines]:
    """Where points were put and where they go; the place that x_t comes from."""
    made: list[Dots | Lines] = []
    if source.kind == "sample" and source.sample and source.sample.point is not None:
        place = np.array([source.sample.point], np.float32)
        made.append(Dots("sample", place, ink.text, 6.0, hollow=True))
    rows = [one.index for one in source.moved if one.index < len(x_t)]
    if rows:
        start, end = x_t[rows], x_s[rows]
        made += [
            Lines("moved way", np.stack((start, end)), ink.text, 1.2, 0.8),
            Dots("put", start, ink.text, 5.0, hollow=True),
            Dots("moved", end, ink.text, 3.5),
        ]
    return made


def mark_radius(count: int) -> float:
    """Radius of a mark: smaller, the more there are."""
    return min(2.6, max(0.5, 2.1 * math.pow(2048 / max(1, count), 0.22)))


def arrows(places: Points, field: Points, most: float) -> Points:
    """Arrows from the places [p, p, 2] as lines [5, p p, 2]; the longest fits between two."""
    gap = float(places[0, 1, 0] - places[0, 0, 0])
    start = places.reshape(-1, 2)
    way = field.reshape(-1, 2) * np.float32(_LONGEST * gap / most)
    tip, across = start + way, way[:, ::-1] * np.array((-1, 1), np.float32)
    neck = tip - np.float32(_HEAD) * way
    wide = np.float32(_HEAD * _WIDE) * across
    return np.stack((start, tip, neck + wide, tip, neck - wide))


def mesh(field: Field) -> Points:
    """Lines [p, 2 p, 2] of the even mesh of places, each moved by the jump."""
    assert field.u is not None
    ends = field.places + np.float32(field.s - field.t) * field.u
    return np.concatenate((ends, ends.swapaxes(0, 1)), 1)
