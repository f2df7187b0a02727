"""Films: what moves from frame to frame, and where it goes."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from msgspec import Struct, structs

from engine.contract.catalogue import Model
from engine.contract.legality import snapped
from engine.contract.messages import Sampler
from engine.contract.source import Source

FilmKind = Literal["scrub", "trajectory", "training"]
ThemeName = Literal["dark", "light"]
FRAMES = 1000  # of one film at most
STEPS = 200  # of a trajectory at most
RATES = {"gif": 50, "mp4": 60}  # frames a second at most: players show a faster GIF slowly


class Film(Struct, frozen=True):
    """A film of a model from the same samples throughout.

    A `scrub` moves (t, s) along `path`, by default s from t to `s` as the Play button does, and
    `back` again where that is wanted; a `trajectory` shows every state between t and s in `steps`
    steps; a `training` shows the jump (t, s) as each kept step of the run makes it. Only a scrub
    has `frames` to choose: the others show each state once. `shares` are the times that every jump
    passes on its way, as shares of it, rising, one less than `steps`. `size` is the side of the
    picture in pixels, about.
    """

    kind: FilmKind
    t: float = 1.0
    s: float = 0.0
    steps: int = 1
    source: Source = Source()
    sampler: Sampler = Sampler()
    shares: tuple[float, ...] = ()
    path: tuple[tuple[float, float], ...] = ()
    back: bool = False
    frames: int = 48
    fps: float = 12.0
    size: int = 512
    theme: ThemeName = "dark"
    caption: bool = True


def sampler_at(film: Film, t: float, s: float) -> Sampler:
    """How a film goes from t to s: through the times of its shares, where it has some."""
    if not film.shares or t == s:
        return film.sampler
    times = tuple(round(t + share * (s - t), 9) for share in film.shares)
    return structs.replace(film.sampler, times=times)


def places(film: Film, model: Model) -> list[tuple[float, float]]:
    """The (t, s) of each frame of a scrub: evenly along its path, on the grid of a dyadic model."""
    ends = film.path or ((film.t, film.t), (film.t, film.s))
    count = film.frames // 2 + 1 if film.back else film.frames
    found = along(ends, count)
    if film.back:
        found += found[-2:0:-1]
    if model.capability == "dyadic":
        found = [(snapped(t, model.grid), snapped(s, model.grid)) for t, s in found]
    return found


def along(ends: Sequence[tuple[float, float]], count: int) -> list[tuple[float, float]]:
    """`count` places at even distances along the lines between `ends`, both ends among them."""
    lengths = [math.dist(a, b) for a, b in pairwise(ends)]
    whole = sum(lengths)
    if not whole or count < 2:
        return [ends[0]] * count
    found, passed, leg = [], 0.0, 0
    for k in range(count - 1):
        way = whole * k / (count - 1)
        while leg < len(lengths) - 1 and way > passed + lengths[leg]:
            passed += lengths[leg]
            leg += 1
        share = (way - passed) / lengths[leg] if lengths[leg] else 0.0
        (t, s), (to_t, to_s) = ends[leg], ends[leg + 1]
        found.append((t + share * (to_t - t), s + share * (to_s - s)))
    return [*found, ends[-1]]
