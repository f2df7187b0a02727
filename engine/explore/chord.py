"""One place of the plane: the chord of its jump beside its velocity, and how its path bends."""

from typing import NamedTuple

import torch
from torch import Tensor

from engine.contract.errors import UserError
from engine.contract.messages import Sampler
from engine.explore.derivatives import derivatives_ready
from engine.explore.jumps import carry_steps, check_times
from engine.explore.models import Loaded
from engine.explore.traces import POINTS, learned_paths, passed_times, why_none
from engine.explore.ways import Wanted, way
from engine.flow.flow_map import Network
from engine.objectives.derivative import on_diagonal, with_derivative

_FAR = 1e6  # no place is further away


class Chord(NamedTuple):
    """From a place at t: the `path` [k, 2] to x_s, [0, 2] where there is none and `why`; the
    velocity `v` [2] there, [0] where the model knows none.

    `curvature` is |dv/dt| along the path through the place, in the data's units over time squared,
    and `exact` that of the true path; None where it is not known. Zero everywhere: paths are
    straight and one step is exact.
    """

    path: Tensor
    v: Tensor
    curvature: float | None
    exact: float | None
    why: str = ""


def chord(
    loaded: Loaded,
    place: tuple[float, float],
    t: float,
    s: float,
    points: int = 24,
    sampler: Sampler | None = None,
    wanted: Wanted = lambda: True,
) -> Chord:
    """What one jump does to `place`. Raises UserError, and Abandoned when it is not `wanted`."""
    check_times(t, s, 1)
    _check(loaded, place, points)
    x = torch.tensor([place])
    sampler = sampler or Sampler()
    why = why_none(way(loaded, t, s, carry_steps(loaded, abs(t - s)), sampler))
    path = x[:0]
    if not why:
        times = passed_times(loaded, t, s, points)
        path = learned_paths(loaded, x, times, sampler, wanted)[:, 0]
    derivatives_ready(wanted)
    v, curvature, exact = x[0, :0], None, None
    if loaded.info.capability in ("velocity", "flow map"):
        v, curvature = _bend(way(loaded, 1.0, 0.0).flow_map.network, x.to(loaded.device), t)
    if (oracle := loaded.dataset.exact()) is not None:
        _, exact = _bend(lambda y, time, _s, _label: oracle.v(y, time), x, t)
    return Chord(path, v, curvature, exact, why)


def _bend(network: Network, x: Tensor, t: float) -> tuple[Tensor, float]:
    """The velocity v(x, t) [2] of a network asked at s = t, and |dv/dt| along it."""
    time = torch.full((1,), t, device=x.device)
    with torch.inference_mode(False), torch.no_grad():
        field, here = on_diagonal(network), x.clone()
        v = field(here, time, time, None)
        _, along = with_derivative(field, here, time, time, v)
    return v[0].float().cpu(), float(along[0].norm())


def _check(loaded: Loaded, place: tuple[float, float], points: int) -> None:
    if loaded.info.data.kind != "points":
        raise UserError(f"{loaded.info.name} makes pictures; a chord starts in a plane.")
    if not 2 <= points <= POINTS:
        raise UserError(f"A path must have 2 to {POINTS} points, not {points}.")
    if not max(map(abs, place)) <= _FAR or any(part != part for part in place):
        raise UserError(f"A place must be made of numbers up to {_FAR:g}, not of {place}.")
