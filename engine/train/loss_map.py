"""The training loss over (t, s), gathered while it trains."""

import torch
from torch import Tensor

from engine.contract.maps import LOSS_HALF_LIFE, LOSS_PARTS
from engine.objectives.base import Trained

_MOST = 1e30  # an error beyond it is left out: a sum is to stay finite


class LossMap:
    """Errors and their number in each of `LOSS_PARTS` x `LOSS_PARTS` parts of (t, s).

    Both fade by half in `LOSS_HALF_LIFE` updates, so that their ratio is a mean over the last few
    and their number says where the training is now. All stays on the device: nothing waits.
    """

    def __init__(self, device: torch.device) -> None:
        self._held = torch.zeros(2, LOSS_PARTS**2, device=device)
        self._fade = 0.5 ** (1 / LOSS_HALF_LIFE)

    def add(self, trained: Trained) -> None:
        """The samples of one update; one whose error is not finite is not counted.

        A small step of points takes 6 ms, and each call here about 9 microseconds: few are made.
        """
        times, error = torch.stack(trained[:2]), trained.error.float()
        t, s = times.mul_(LOSS_PARTS).long().clamp_(0, LOSS_PARTS - 1)  # 1 lies in the last part
        counted = error < _MOST  # false where it is not a number
        added = torch.stack((error.where(counted, 0.0), counted.float()))
        self._held.mul_(self._fade).index_add_(1, torch.add(s, t, alpha=LOSS_PARTS), added)

    def tensors(self) -> dict[str, Tensor]:
        """`sums` and `counts`, float32 [parts, parts] by t and s; to be written into as well."""
        sums, counts = self._held.view(2, LOSS_PARTS, LOSS_PARTS)
        return {"sums": sums, "counts": counts}
