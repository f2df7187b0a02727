"""Fields over the plane: the velocity at t beside the average velocity of the jump from t to s."""

from typing import NamedTuple

import torch
from torch import Tensor

from engine.contract.errors import UserError
from engine.contract.messages import Sampler
from engine.explore.jumps import carry_steps, check_times, go
from engine.explore.models import Loaded
from engine.explore.ways import Wanted, interruptible, way

PARTS = 64  # places along a side at most


class Fields(NamedTuple):
    """At `places` [n, 2]: `v` and `u`, [n, 2] or [0, 2] where the model knows none, and the true
    velocity `exact`, None where that is not known.
    """

    places: Tensor
    v: Tensor
    u: Tensor
    exact: Tensor | None


def fields(
    loaded: Loaded,
    t: float,
    s: float,
    window: tuple[float, float, float],
    parts: int,
    sampler: Sampler | None = None,
    wanted: Wanted = lambda: True,
) -> Fields:
    """The fields on `parts` x `parts` places of the square `window` (x, y, half of its side).

    u is (x_s - x_t) / (s - t), and v where s = t. Raises UserError for pictures, and Abandoned when
    it is not `wanted` any more.
    """
    check_times(t, s, 1)
    places = _places(loaded, window, parts)
    v = _v(loaded, places, t)
    oracle = loaded.dataset.exact()
    exact = None if oracle is None else oracle.v(places, t)
    if t == s:
        return Fields(places, v, v, exact)
    taken = way(loaded, t, s, carry_steps(loaded, abs(t - s)), sampler)
    if taken.how == "re-noise":
        return Fields(places, v, places[:0], exact)
    x_s = go(loaded, interruptible(taken, wanted), places, None)
    return Fields(places, v, (x_s - places) / (s - t), exact)


@torch.inference_mode()
def _v(loaded: Loaded, places: Tensor, t: float) -> Tensor:
    """The network's own velocity u(x, t, t), of a velocity or of a flow map."""
    if loaded.info.capability not in ("velocity", "flow map"):
        return places[:0]
    network = way(loaded, 1.0, 0.0).flow_map.network
    x = places.to(loaded.device)
    time = torch.full((len(x),), t, device=loaded.device)
    return network(x, time, time, None).float().cpu()


def _places(loaded: Loaded, window: tuple[float, float, float], parts: int) -> Tensor:
    if loaded.info.data.kind != "points":
        raise UserError(f"{loaded.info.name} makes pictures; fields are drawn over a plane.")
    if not 2 <= parts <= PARTS:
        raise UserError(f"A field is asked for 2 to {PARTS} places a side, not {parts}.")
    x, y, half = window
    if not (0 < half < 1e6 and abs(x) < 1e6 and abs(y) < 1e6):  # also for nan
        raise UserError(f"A window must be a square of the plane, not {x:g}, {y:g}, {half:g}.")
    line = torch.linspace(-half, half, parts)
    down, across = torch.meshgrid(line + y, line + x, indexing="ij")
    return torch.stack((across.flatten(), down.flatten()), 1)
