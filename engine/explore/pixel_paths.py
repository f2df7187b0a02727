"""Paths of chosen pixels from t to s: what each would be if the jump in hand ended on its way."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor

from engine.contract.errors import UserError
from engine.contract.legality import snapped
from engine.contract.messages import Sampler, Source
from engine.explore.draws import start
from engine.explore.follow import Interruptible
from engine.explore.jumps import Again, check_times, go, state_at
from engine.explore.models import Loaded
from engine.explore.traces import POINTS, Traces, why_none
from engine.explore.truth import Truth, truth
from engine.explore.ways import Wanted, Way, interruptible, way
from engine.flow.oracles.empirical import Empirical
from engine.flow.solvers import even

Pixel = tuple[int, int, int]
"""Which picture, and row and column of it, all from 0."""

PIXELS = 64  # of one question at most
_AT_ONCE = 16  # pictures in one evaluation: a jump waits for no more


def pixel_paths(
    loaded: Loaded,
    source: Source,
    t: float,
    s: float,
    pixels: Sequence[Pixel],
    points: int = 24,
    steps: int = 1,
    sampler: Sampler | None = None,
    fast: bool = False,
    true: bool = False,
    wanted: Wanted = lambda: True,
) -> Traces:
    """`learned` and, if that is wanted too, `exact` [k, pixels, channels] through about `points`
    times of the jump in `steps` steps: all that it passes itself, and some between them.

    The last state is that of the jump, bit for bit. Raises UserError for what has no pixels, and
    Abandoned as soon as it is not `wanted` any more.
    """
    check_times(t, s, steps)
    _check(loaded, source, pixels, points)
    taken = interruptible(way(loaded, t, s, steps, sampler, fast), wanted)
    x_t = state_at(loaded, source, t, fast, (sampler or Sampler()).guides())
    why = why_none(taken) or _why_forgetful(sampler, taken)
    passed = [(t, *times) for times in _passed(loaded, taken, points)]
    times = (t, *(time for _, *rest in passed for time in rest))
    rows = sorted({picture for picture, _, _ in pixels})
    learned = exact = None
    if not why:
        learned = _learned(loaded, source, taken, x_t, rows, passed, fast)
    if true and (known := truth(loaded, source)) is not None:
        exact = _exact(known, source, x_t, rows, times, wanted)
    empty = x_t.new_empty(len(times), 0, x_t.shape[1])
    cut = [None if found is None else _cut(found, rows, pixels) for found in (learned, exact)]
    return Traces(times, empty if cut[0] is None else cut[0], cut[1], None, why)


def _passed(loaded: Loaded, taken: Way, points: int) -> list[tuple[float, ...]]:
    """For each step of the way some times on it, and where it ends."""
    nodes = [float(time) for time in taken.times]
    t, s = nodes[0], nodes[-1]
    between = [float(time) for time in even(t, s, points - 1)[1:-1]]
    if loaded.info.capability == "dyadic":
        between = list(dict.fromkeys(snapped(time, loaded.info.grid) for time in between))
    steps = []
    for start_, end in pairwise(nodes):
        low, high = sorted((start_, end))
        steps.append((*(time for time in between if low < time < high), end))
    return steps


def _learned(
    loaded: Loaded,
    source: Source,
    taken: Way,
    x_t: Tensor,
    rows: list[int],
    passed: list[tuple[float, ...]],
    fast: bool,
) -> Tensor:
    """The states [k, rows, ...] of whole pictures; the end as the whole jump computes it."""
    label = start(loaded, source).label
    x_s = go(loaded, taken, x_t, label, fast, Again(source.seed))
    own = None if label is None else label[rows]
    states = [x_t[rows][None]]
    for (_, *ends), begin in zip(passed, taken.times, strict=False):
        x, few = states[-1][-1], max(1, _AT_ONCE // len(rows))
        for at in range(0, len(ends), few):
            some = torch.tensor(ends[at : at + few])
            step = replace(taken, times=(begin, some.repeat_interleave(len(rows))))
            labels = None if own is None else own.repeat(len(some))
            moved = go(loaded, step, x.repeat(len(some), *[1] * (x.ndim - 1)), labels, fast)
            states.append(moved.reshape(len(some), *x.shape))
    found = torch.cat(states)
    found[-1] = x_s[rows]
    return found


def _exact(
    known: Truth,
    source: Source,
    x_t: Tensor,
    rows: list[int],
    times: Sequence[float],
    wanted: Wanted,
) -> Tensor:
    """The true states [k, rows, ...]; from noise by the integration that serves everything else."""
    if times[0] == 1 and source.kind == "noise" and not source.moved:
        return torch.stack([known.at(time, wanted)[rows] for time in times])
    oracle = known.oracle
    if isinstance(oracle, Empirical) and oracle.kept is not None:
        oracle = Empirical(oracle.data, oracle.kept[rows])
    return Interruptible(oracle, wanted).trajectory(x_t[rows], times[0], times)


def _cut(states: Tensor, rows: list[int], pixels: Sequence[Pixel]) -> Tensor:
    """The pixels [k, pixels, channels] of pictures [k, rows, channels, height, width]."""
    each = [states[:, rows.index(n), :, down, across] for n, down, across in pixels]
    return torch.stack(each, 1)


def _why_forgetful(sampler: Sampler | None, taken: Way) -> str:
    if sampler and sampler.solver == "dpm++2m" and len(taken.times) > 2:
        return "Steps of DPM-Solver++ lean on those before: no path to draw. Take another solver."
    return ""


def _check(loaded: Loaded, source: Source, pixels: Sequence[Pixel], points: int) -> None:
    if loaded.info.data.kind != "images":
        raise UserError(f"{loaded.info.name} makes points; only pictures have pixels.")
    if not 2 <= points <= POINTS:
        raise UserError(f"A path must have 2 to {POINTS} points, not {points}.")
    if not 1 <= len(pixels) <= PIXELS:
        raise UserError(f"The number of pixels must lie between 1 and {PIXELS}, not {len(pixels)}.")
    _, height, width = loaded.info.data.shape
    for n, down, across in pixels:
        if not (0 <= n < source.count and 0 <= down < height and 0 <= across < width):
            raise UserError(f"Picture {n + 1} has no pixel in row {down}, column {across}.")
