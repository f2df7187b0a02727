"""Which part of the plane is shown: all of the cloud, and the same part while it moves."""

import math

import numpy as np
from numpy.typing import NDArray

from studio.export.plot import Window

_NICE = (1, 1.2, 1.4, 1.6, 1.8, 2, 2.2, 2.5, 2.8, 3.2, 3.6, 4, 4.5, 5, 5.6, 6.4, 7.2, 8, 9, 10)
_MOST = 1024  # points that are looked at
_FAR = 1e9  # what lies further is an accident
_LOST = 4  # a cloud this many times smaller than half the window is looked at more closely
_ROOM = 1.1  # around the cloud
_TAIL = 0.004  # share of points on each side that may lie outside


def framed(before: Window | None, *clouds: NDArray[np.float32]) -> Window | None:
    """The window for these points [n, 2]: the one before as long as it fits them."""
    some = np.concatenate([cloud[:: max(1, len(cloud) // _MOST)] for cloud in clouds])
    some = some[np.isfinite(some).all(1)].clip(-_FAR, _FAR)
    if not len(some):
        return before
    low, high = np.quantile(some.astype(np.float64), (_TAIL, 1 - _TAIL), axis=0)
    if before is None or float((high - low).max()) < before.half / _LOST:
        return _around(low, high, _ROOM)
    middle, half = np.array((before.x, before.y)), before.half
    if (low >= middle - half).all() and (high <= middle + half).all():
        return before
    return _around(np.minimum(low, middle - half), np.maximum(high, middle + half), 1.0)


def _around(low: NDArray[np.float64], high: NDArray[np.float64], room: float) -> Window:
    reach = float((high - low).max()) / 2 or 1.0
    middle = (low + high) / 2
    middle[np.abs(middle) < 0.15 * reach] = 0  # a cloud around the origin stays there
    half = max(float(np.abs(high - middle).max()), float(np.abs(low - middle).max()), 0.1 * reach)
    return Window(float(middle[0]), float(middle[1]), nice_above(half * room))


def nice_above(value: float) -> float:
    """The least round number that is not smaller."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * nice for nice in _NICE if power * nice >= value * (1 - 1e-9))


def grid_step(half: float) -> float:
    """Distance between grid lines: five to ten of them across the window."""
    power = 10.0 ** math.floor(math.log10(half / 2))
    return max(power * nice for nice in (1, 2, 5) if power * nice <= half / 2)
