"""A discriminator's losses, what it is shown, and the balance of one loss against another."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.contract import specs
from engine.flow.flow_map import Network
from engine.flow.randomness import Randomness


def hinge(real: Tensor, fake: Tensor) -> Tensor:
    """What a discriminator minimises: max(0, 1 - real) + max(0, 1 + fake), means over logits.

    Lim and Ye 2017, arXiv 1705.02894, and Miyato et al. 2018, arXiv 1802.05957, eq. 16.
    """
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


class View(NamedTuple):
    """Each picture of a batch moved, mirrored and partly covered, data and what was made alike.

    Differentiable augmentation (arXiv 2006.10738): the discriminator sees no picture as it is, and
    the gradient passes through to what it was made of. `rows` (B, H) and `columns` (B, W) say where
    each comes from, and `shown` (B, 1, H, W) is False where nothing is seen: there it is 0.
    """

    rows: Tensor
    columns: Tensor
    shown: Tensor

    def of(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        sample = torch.arange(len(x), device=x.device)[:, None, None]
        moved = x.permute(0, 2, 3, 1)[sample, self.rows[:, :, None], self.columns[:, None, :]]
        return moved.permute(0, 3, 1, 2) * self.shown


def draw_view(spec: specs.Augmentation, x: Tensor, randomness: Randomness) -> View:
    """A view of pictures like `x` (B, C, H, W), from the stream `augmentation`."""
    count, _, height, width = x.shape
    flip, down, right, top, left = randomness.uniform("augmentation", (5, count, 1))
    rows, row_there = _moved(height, spec.shift, down)
    columns, column_there = _moved(width, spec.shift, right)
    columns = torch.where(flip < spec.flip, width - 1 - columns, columns)
    row_hidden = _covered(height, spec.cutout, top)
    column_hidden = _covered(width, spec.cutout, left)
    there = row_there[:, :, None] & column_there[:, None, :]
    hidden = row_hidden[:, :, None] & column_hidden[:, None, :]
    return View(rows, columns, (there & ~hidden)[:, None])


def _moved(size: int, share: float, place: Tensor) -> tuple[Tensor, Tensor]:
    """Where each line comes from, moved by at most `share` of them, and whether it was there."""
    most = round(share * size)
    found = torch.arange(size, device=place.device) + (place * (2 * most + 1)).long() - most
    return found.clamp(0, size - 1), (found >= 0) & (found < size)


def _covered(size: int, share: float, place: Tensor) -> Tensor:
    """Which lines a cover of this share hides, its middle anywhere."""
    length = round(share * size)
    start = (place * (size + 1)).long() - length // 2
    line = torch.arange(size, device=place.device)
    return (line >= start) & (line < start + length)


def balance(
    main: Tensor, other: Tensor, weight: Tensor, low: float = 0.0, high: float = 1e4
) -> Tensor:
    """|d main / d weight| / (|d other / d weight| + 1e-4) within [low, high], without gradient.

    Times it, `other` pulls at `weight` as hard as `main` does (VQGAN, arXiv 2012.09841, eq. 7).
    It is 1 where there are no gradients to compare.
    """
    if not (main.requires_grad and other.requires_grad):
        return main.new_ones(())
    lengths = []
    for loss in (main, other):
        with torch.autocast(weight.device.type, enabled=False):
            (slope,) = torch.autograd.grad(loss, weight, retain_graph=True)
        lengths.append(slope.norm())
    return (lengths[0] / (lengths[1] + 1e-4)).clamp(low, high)


def output_weight(network: Network) -> Tensor:
    """The weight of a network's last layer, compiled or not."""
    assert isinstance(network, nn.Module)
    weight = network.output_weight
    assert isinstance(weight, Tensor)
    return weight
