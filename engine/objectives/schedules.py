"""What changes during a training, as functions of its progress from 0 to 1."""

import math


def growing(progress: float, first: int, last: int) -> int:
    """N(k) of consistency training: levels of noise, whose square grows evenly.

    From `first` to `last` + 1 (arXiv 2303.01469, appendix C).
    """
    square = first**2 + progress * ((last + 1) ** 2 - first**2)
    return max(1, math.ceil(math.sqrt(square) - 1)) + 1


def growing_decay(progress: float, first: int, last: int, decay: float) -> float:
    """mu(k) = exp(s0 log mu0 / N(k)) of consistency training (arXiv 2303.01469, appendix C).

    The target forgets ever more slowly as the grid grows, from mu0 = `decay` on.
    """
    return decay ** (first / growing(progress, first, last))


def doubling_stage(progress: float, first: int, last: int) -> int:
    """How often the gaps have doubled, in equal stages (arXiv 2310.14189, section 3.4).

    The paper's K' where last / first is a power of two; elsewhere too the last stage has `last`.
    """
    return stage(progress, 1 + max(0, math.ceil(math.log2(last / first))))


def doubling(progress: float, first: int, last: int) -> int:
    """N(k) of improved consistency training: levels, with `first` gaps doubled up to `last`."""
    return min(first * 2 ** doubling_stage(progress, first, last), last) + 1


def stage(progress: float, stages: int) -> int:
    """Which of so many equal stages it is, from 0."""
    return min(int(progress * stages), stages - 1)


def annealed(
    progress: float, start: float, end: float, steepness: float, clamp: float, floor: float
) -> float:
    """alpha of alphaFlow: 1 until `start`, then down a sigmoid to `floor` at `end`.

    Within `clamp` of 1 it is 1, and within `clamp` of 0 it is `floor`, exactly (arXiv 2510.20771).
    """
    if progress < start:
        return 1.0
    if progress >= end:
        return floor
    place = (progress - (start + end) / 2) / (end - start)
    alpha = 1 / (1 + math.exp(steepness * place))
    return 1.0 if alpha > 1 - clamp else max(alpha if alpha >= clamp else 0.0, floor)


def warm_up(progress: float, share: float) -> float:
    """The r of continuous-time consistency: from 0 to 1 in the first `share`, then 1.

    (arXiv 2410.11081, section 4.1.)
    """
    return min(1.0, progress / share) if share else 1.0
