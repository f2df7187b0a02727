"""Noise that is added on the way: gamma-sampling, and at gamma = 1 denoise and re-noise."""

import math
from collections.abc import Callable

from torch import Tensor

from engine.flow.clock import Time, spread
from engine.flow.randomness import Randomness

Noise = Callable[[int], Tensor]
"""noise(k): standard normal numbers of a state's shape for the k-th addition.

They must depend neither on the state nor on each other: only then does the sum keep its law.
"""


def below(s: Time, gamma: float) -> Time:
    """Where to jump so that a share `gamma` of the noise at `s` is still to come.

    On the VE clock it is sqrt(1 - gamma^2) sigma (CTM, arXiv 2310.02279, algorithm 3), with the
    paper's lowest sigma at 0; gamma = 1 leads to data, 0 to `s` itself.
    """
    kept = _kept(gamma)
    return kept * s / (1 - s + kept * s) if kept else 0 * s


def noised(x: Tensor, s: Time, gamma: float, noise: Tensor) -> Tensor:
    """The state at `s` of `x`, which stands at `below(s, gamma)`: in VE x + gamma sigma noise."""
    at = spread(s, x)
    return (1 - at + _kept(gamma) * at) * x + gamma * at * noise


def own_noise(x: Tensor) -> Noise:
    """Always the same numbers for states of this shape."""
    return lambda k: Randomness(0).normal(f"re-noise {k}", x.shape).to(x)


def _kept(gamma: float) -> float:
    return math.sqrt(1 - gamma**2)
