"""Weights of a sample's error: by the error itself, or learned from the time."""

import torch
from torch import Tensor, nn

from engine.networks.embedding import Sinusoids


def adaptive_weight(error: Tensor, dimensions: int, power: float, offset: float) -> Tensor:
    """1 / (error + offset / D)^power of the mean error over D dimensions; 1 where power = 0.

    MeanFlow (arXiv 2505.13447, section 4.3) weighs the summed error D * error by
    1 / (D * error + offset)^power; this is the same times D^(power - 1), a constant, so that
    power 0 is the plain mean square error. `error` must carry no gradient.
    """
    return (error + offset / dimensions).pow(-power)


class LearnedWeight(nn.Module):
    """w(t) of the loss e^w error - w, whose best w is -ln of the mean error at t; 0 at first.

    The uncertainty of EDM2 (arXiv 2312.02696, eq. 21) with its sign as in sCM (arXiv 2410.11081,
    algorithm 1). Being one for all samples at the same time it moves no minimum, unlike a weight
    by a sample's own error.
    """

    def __init__(self, count: int = 16, turns: float = 4.0) -> None:
        super().__init__()
        self.sinusoids = Sinusoids(count, turns)
        self.last = nn.Linear(2 * count, 1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, t: Tensor) -> Tensor:
        """w of times (B,), in the precision of its own weights."""
        with torch.autocast(t.device.type, enabled=False):
            found: Tensor = self.last(self.sinusoids(t.to(self.last.weight.dtype)))
        return found.squeeze(1)
