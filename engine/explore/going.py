"""Any number of samples on their way."""

from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from engine.contract.errors import UserError
from engine.explore.keeping import Kept
from engine.explore.models import Loaded
from engine.explore.noises import draw_noise
from engine.explore.ways import Way
from engine.flow.clock import spread
from engine.flow.known import put_back
from engine.flow.sampling import sample

_PIECE = {1: 4096, 3: 64}  # samples at a time, by the dimensions of one


class Again(NamedTuple):
    """Noise that is added on the way: its seed, a name of its own for each way, the first sample's
    number.
    """

    seed: int = 0
    kind: str = "jump"
    first: int = 0


_ALWAYS = Again()


@torch.inference_mode()
def go(
    loaded: Loaded,
    taken: Way,
    x_t: Tensor,
    label: Tensor | None,
    fast: bool = False,
    again: Again = _ALWAYS,
    known: Kept | None = None,
) -> Tensor:
    """Any number of samples on their way, in pieces that fit in memory; who is there stays.

    What is `known` of them is put back after every jump.
    """
    found = []
    size = _PIECE[x_t.ndim - 1]
    for at in range(0, len(x_t), size):
        piece = slice(at, at + size)
        times = [time[piece] if isinstance(time, Tensor) else time for time in taken.times]
        own = None if label is None else label[piece].to(loaded.device)
        x = x_t[piece].to(loaded.device)

        def noise(k: int, x: Tensor = x, at: int = at) -> Tensor:
            kind = f"{again.kind} {k}"
            first = again.first + at
            return draw_noise(again.seed, len(x), tuple(x.shape[1:]), kind, first).to(x)

        amend = None
        if known is not None:
            data = known.data[piece].to(loaded.device)
            amend = partial(put_back, known=data, projection=known.projection)
        with torch.autocast(loaded.device.type, torch.bfloat16, enabled=fast):
            moved = sample(taken.flow_map, x, times, taken.gamma, own, noise, amend)
        stays = spread(torch.as_tensor(times[0]) == torch.as_tensor(times[-1]), x).bool()
        found.append(torch.where(stays, x, moved.float()).cpu())
    x_s = torch.cat(found)
    if not torch.isfinite(x_s).all():
        raise UserError(
            f"The answer of {loaded.info.name} is not finite; open an earlier checkpoint of it."
        )
    return x_s
