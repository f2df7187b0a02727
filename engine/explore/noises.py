"""The noise of a source: of its seed, or between seeds, and rolled where a hand moved it."""

from collections import defaultdict
from functools import lru_cache
from math import pi, sin, sqrt

import torch
from torch import Tensor

from engine.contract.errors import UserError
from engine.contract.source import Mix, Moved, Source
from engine.flow.randomness import Randomness

BLOCK = 64  # samples that are drawn together
CORNERS = (2, 4)  # seeds that noise can lie between


def source_noise(source: Source, shape: tuple[int, ...]) -> Tensor:
    """Standard normal float32 [count, *shape], whatever seeds it lies between."""
    if source.mix is None:
        return _kept(source.seed, source.count, shape)
    shares = weights(source.mix)
    drawn = [_kept(seed, source.count, shape) for seed in shares]
    if len(drawn) == 1:
        return drawn[0]
    parts = [share * noise for share, noise in zip(shares.values(), drawn, strict=True)]
    return torch.stack(parts).sum(0)


def weights(mix: Mix) -> dict[int, float]:
    """The share of each seed's noise that is there; their squares add up to 1.

    This is the slerp of slerps of vectors that are orthogonal and of one length, which the noises
    of two seeds are in expectation: what comes of it is standard normal everywhere. A slerp by
    their own angle would not be: for points of the plane its variance is infinite.
    """
    found: dict[int, float] = defaultdict(float)
    down = (sin(pi / 2 * (1 - mix.y)), sin(pi / 2 * mix.y))
    across = (sin(pi / 2 * (1 - mix.x)), sin(pi / 2 * mix.x))
    lines = down if len(mix.seeds) == 4 else (1.0,)
    shares = [line * side for line in lines for side in across]
    for seed, share in zip(mix.seeds, shares, strict=True):
        found[seed] += share
    length = sqrt(sum(share * share for share in found.values()))  # above 1 where seeds are equal
    return {seed: share / length for seed, share in found.items() if share}


def rolled(noise: Tensor, moved: tuple[Moved, ...]) -> Tensor:
    """Pictures of noise [n, c, h, w], those that were moved rolled by whole pixels."""
    noise = noise.clone()
    for one in moved:
        if one.index < len(noise):
            way = (round(one.y), round(one.x))
            noise[one.index] = noise[one.index].roll(way, (-2, -1))
    return noise


def draw_noise(
    seed: int, count: int, shape: tuple[int, ...], kind: str = "noise", first: int = 0
) -> Tensor:
    """Standard normal float32 [count, *shape], from sample `first` on; each `kind` has its own."""
    randomness = Randomness(seed)
    blocks = range(first // BLOCK, -(-(first + count) // BLOCK))
    drawn = [randomness.normal(f"{kind} {block}", (BLOCK, *shape)) for block in blocks]
    return torch.cat(drawn)[first % BLOCK :][:count]


def check_mix(mix: Mix) -> None:
    """Raise UserError where there is no such noise."""
    if len(mix.seeds) not in CORNERS:
        raise UserError(f"Noise is mixed of 2 or 4 seeds, not of {len(mix.seeds)}.")
    for name, place in (("x", mix.x), ("y", mix.y)):
        if not 0 <= place <= 1:  # also for nan
            raise UserError(f"{name} must lie between 0 and 1 among the seeds, not {place:g}.")


_kept = lru_cache(maxsize=4)(draw_noise)  # one for each corner
