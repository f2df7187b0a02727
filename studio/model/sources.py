"""What a hand does to a source, as pure functions."""

import math

from msgspec.structs import replace

from engine.contract.source import Mix, Moved, Sample, Source

SEEDS = 2**31 - 2  # a fractional seed lies before the next one


def seed_of(source: Source) -> float:
    """The seed with its fraction: 3.25 lies between 3 and 4."""
    mix = source.mix
    return source.seed + (mix.x if mix and len(mix.seeds) == 2 else 0.0)


def with_seed(source: Source, seed: float) -> Source:
    """From another seed, which may have a fraction of hundredths; nothing stays moved."""
    seed = round(min(max(seed, 0.0), float(SEEDS)), 2)
    whole = math.floor(seed)
    share = round(seed - whole, 2)
    mix = Mix((whole, whole + 1), share) if share else None
    return replace(source, seed=whole, mix=mix, moved=())


def is_blend(source: Source) -> bool:
    """Whether the noise lies between four seeds."""
    return source.kind == "noise" and source.mix is not None and len(source.mix.seeds) == 4


def moved_of(source: Source, index: int) -> Moved:
    """What was done to a sample; nothing is (0, 0)."""
    return next((one for one in source.moved if one.index == index), Moved(index, 0.0, 0.0))


def with_moved(source: Source, index: int, x: float, y: float) -> Source:
    """A point put at (x, y), as the last one that was moved."""
    others = tuple(one for one in source.moved if one.index != index)
    return replace(source, moved=(*others, Moved(index, x, y)))


def with_point(source: Source, x: float, y: float) -> Source:
    """From one place of the plane."""
    sample = Sample(point=(x, y), way=source.sample.way if source.sample else "noised")
    return replace(source, kind="sample", sample=sample, moved=())


def with_rolled(source: Source, index: int, right: int, down: int, side: int) -> Source:
    """A picture's noise rolled by more pixels; once around is not moved at all."""
    before = moved_of(source, index)
    x, y = (_around(way, side) for way in (before.x + right, before.y + down))
    found = with_moved(source, index, x, y)
    return found if x or y else replace(found, moved=found.moved[:-1])


def _around(way: float, side: int) -> float:
    """The shortest roll that comes to the same."""
    return float((round(way) + side // 2) % side - side // 2)
