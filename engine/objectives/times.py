"""The laws of training times, on the common clock."""

import torch
from torch import Tensor

from engine.contract import specs
from engine.flow.randomness import Randomness


def draw(law: specs.Times, count: int, randomness: Randomness, name: str = "times") -> Tensor:
    """`count` times in (0, 1) from the stream `name`, each by `law`."""
    if law.law == "uniform":
        return randomness.uniform(name, (count,))
    return torch.sigmoid(law.mean + law.spread * randomness.normal(name, (count,)))


def draw_pair(
    law: specs.Times, share_off_diagonal: float, count: int, randomness: Randomness
) -> tuple[Tensor, Tensor, int]:
    """Times t, s and how many leading rows have s < t; s = t on all rows after them.

    Two draws a row, the later is t and the earlier s (arXiv 2505.13447, section 4.3). The rows of
    a batch are exchangeable, so the jumps may come first, and then they are a slice.
    """
    first, second = draw(law, 2 * count, randomness).chunk(2)
    t, s = torch.maximum(first, second), torch.minimum(first, second)
    jumps = round(share_off_diagonal * count)
    return t, torch.cat((s[:jumps], t[jumps:])), jumps
