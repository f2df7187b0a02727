"""What a jump from t to s is for a model of each capability, and whether it was trained for it.

The engine computes by it and the studio speaks by it. 0 is data, 1 is noise.
"""

from typing import Literal

from engine.contract.catalogue import Capability, Grid

GRID = Grid()
How = Literal["stay", "jump", "composed", "re-noise", "ODE"]
_NEAR = 1e-3  # of a grid's step: times may have been rounded to float32


def is_outside(capability: Capability, t: float, s: float, grid: Grid = GRID) -> bool:
    """Whether the network would be asked for what it was not trained for.

    A velocity serves both directions, and so does an endpoint: it is asked for data only, to which
    any amount of noise can be added.
    """
    if t == s or capability in ("velocity", "endpoint"):
        return False
    return s > t or (capability == "dyadic" and not (on_grid(t, grid) and on_grid(s, grid)))


def how(capability: Capability, t: float, s: float, jumps: int = 1, gamma: float = 0.0) -> How:
    """What leads from t to s where the network makes so many jumps, `gamma` of the noise new."""
    if t == s:
        return "stay"
    if capability == "velocity":
        return "ODE"
    noisy = capability == "endpoint" or gamma > 0
    if noisy and (s > 0 or jumps > 1):
        return "re-noise"
    return "jump" if jumps == 1 else "composed"


def on_grid(time: float, grid: Grid = GRID) -> bool:
    """Whether `time` is on the grid."""
    return abs(time * grid.parts - round(time * grid.parts)) < _NEAR


def snapped(time: float, grid: Grid = GRID) -> float:
    """The time on the grid that is nearest to `time`."""
    return round(time * grid.parts) / grid.parts


def is_step(t: float, s: float, grid: Grid = GRID) -> bool:
    """Whether a dyadic model learned this very step: d = t - s is 2^-k, and t a multiple of d."""
    size = round((t - s) * grid.parts)
    if s < 0 or not (on_grid(t, grid) and on_grid(s, grid)) or not 1 <= size <= grid.longest:
        return False
    return not size & (size - 1) and round(t * grid.parts) % size == 0


def ladder(t: float, s: float, steps: int = 1, grid: Grid = GRID) -> list[float]:
    """Times from t down to s by the largest dyadic steps, none longer than (t - s) / steps.

    Ends beside the grid are joined to it by a step of their own. Upwards, where nothing is
    learned, the steps are even.
    """
    if steps < 1:
        raise ValueError(f"A jump needs at least one step, not {steps}.")
    place, end = _floor(t * grid.parts), -_floor(-s * grid.parts)
    if s >= t or place < end:
        return [*(t + (s - t) * (k / steps) for k in range(steps)), s]
    times = [t] if on_grid(t, grid) else [t, place / grid.parts]
    longest = min(grid.longest, (t - s) * grid.parts / steps + _NEAR)
    while place > end:
        size = place & -place  # the largest power of two of which `place` is a multiple
        while size > 1 and size > min(longest, place - end):
            size //= 2
        place -= size
        times.append(place / grid.parts)
    if on_grid(s, grid) and len(times) > 1:
        times.pop()  # it is `s` but for rounding
    return [*times, s]


def _floor(place: float) -> int:
    """The last whole number that is not above `place`, which may have been rounded."""
    near = round(place)
    return near if near - place < _NEAR else near - 1
