"""Fields as pictures: the velocity at x_t beside the average velocity of the jump in hand."""

from typing import NamedTuple

import torch
from torch import Tensor

from engine.contract.errors import UserError
from engine.contract.messages import Sampler, Source
from engine.explore.draws import start
from engine.explore.jumps import Again, check_times, go, state_at
from engine.explore.models import Loaded
from engine.explore.ways import Abandoned, Wanted, Way, interruptible, way

_PIECE = 64  # pictures at a time


class PictureFields(NamedTuple):
    """At x_t: `v` and `u`, [n, channels, height, width], or [0, ...] where the model knows none."""

    v: Tensor
    u: Tensor


def picture_fields(
    loaded: Loaded,
    source: Source,
    t: float,
    s: float,
    steps: int = 1,
    sampler: Sampler | None = None,
    wanted: Wanted = lambda: True,
) -> PictureFields:
    """The fields at the states that `source` has at `t`.

    u is (x_s - x_t) / (s - t) of the jump in `steps` steps, and v where s = t. Raises UserError for
    points, and Abandoned when it is not `wanted` any more.
    """
    check_times(t, s, steps)
    if loaded.info.data.kind != "images":
        raise UserError(f"{loaded.info.name} makes points; their fields are drawn over the plane.")
    taken = way(loaded, t, s, steps, sampler)
    x_t = state_at(loaded, source, t, False, (sampler or Sampler()).guides())
    label = start(loaded, source).label
    v = _v(loaded, taken, x_t, t, label, wanted)
    if t == s:
        return PictureFields(v, v)
    if taken.how == "re-noise":
        return PictureFields(v, x_t[:0])
    x_s = go(loaded, interruptible(taken, wanted), x_t, label, again=Again(source.seed))
    return PictureFields(v, (x_s - x_t) / (s - t))


@torch.inference_mode()
def _v(
    loaded: Loaded, taken: Way, x_t: Tensor, t: float, label: Tensor | None, wanted: Wanted
) -> Tensor:
    """The network's own velocity u(x, t, t), guided as the jump is."""
    if loaded.info.capability not in ("velocity", "flow map"):
        return x_t[:0]
    found = []
    for at in range(0, len(x_t), _PIECE):
        if not wanted():
            raise Abandoned
        x = x_t[at : at + _PIECE].to(loaded.device)
        own = None if label is None else label[at : at + _PIECE].to(loaded.device)
        time = torch.full((len(x),), t, device=loaded.device)
        found.append(taken.flow_map.network(x, time, time, own).float().cpu())
    return torch.cat(found)
