"""A discriminator's losses, and the balance of one loss against another."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.flow.flow_map import Network


def hinge(real: Tensor, fake: Tensor) -> Tensor:
    """What a discriminator minimises: max(0, 1 - real) + max(0, 1 + fake), means over logits.

    Lim and Ye 2017, arXiv 1705.02894, and Miyato et al. 2018, arXiv 1802.05957, eq. 16.
    """
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


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
