"""What an objective is fed with."""

from typing import NamedTuple

from torch import Tensor


class Batch(NamedTuple):
    """Samples: `data` float32 [B, 2] or [B, C, H, W] in [-1, 1], `label` int64 [B] or None."""

    data: Tensor
    label: Tensor | None
