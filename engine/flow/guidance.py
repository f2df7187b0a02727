"""Classifier-free guidance while sampling: by two passes, or of a network that is told it."""

import torch
from torch import Tensor

from engine.flow.base import Network
from engine.flow.clock import spread


def guided(
    network: Network, classes: int, weight: float, start: float = 0.0, end: float = 1.0
) -> Network:
    """u(hidden) + weight (u(label) - u(hidden)) (arXiv 2207.12598), where there is a label.

    `classes` is the label that hides the class; outside start <= t <= end the weight is 1. It costs
    two evaluations, and it is for velocities: an average velocity that is guided so is none of the
    guided flow.
    """

    def asked(x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
        if label is None:
            return network(x, t, s, None)
        hidden = network(x, t, s, torch.full_like(label, classes))
        held = torch.where((t >= start) & (t <= end), weight, 1.0).to(x)
        return hidden + spread(held, x) * (network(x, t, s, label) - hidden)

    return asked


def told(network: Network, omega: float, start: float = 0.0, end: float = 1.0) -> Network:
    """A network that learned all guidances, under this one: as a plain network.

    It is the average velocity of the flow that is guided so, and costs no second evaluation.
    """

    def asked(x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
        if label is None:
            return network(x, t, s, None)
        guidance = x.new_tensor((omega, start, end)).expand(len(x), 3)
        return network(x, t, s, carrying(label, guidance))

    return asked


def carrying(label: Tensor, guidance: Tensor) -> Tensor:
    """A label that carries a guidance, as numbers (B, 4), from int64 (B,) and (B, 3).

    A guidance is a strength omega, and from which to which time it holds. It travels with the label
    because that is what it guides to: whatever takes rows or halves of a batch takes both.
    """
    return torch.cat((label[:, None].to(guidance), guidance), dim=1)


def parted(label: Tensor | None, t: Tensor) -> tuple[Tensor | None, tuple[Tensor, ...]]:
    """The label alone, and omega, start and end, (B,) each, of what it carries.

    Where it carries none: no guidance, omega = 1, for as many samples as there are times `t`.
    """
    if label is None or label.ndim == 1:
        return label, (torch.ones_like(t), torch.zeros_like(t), torch.ones_like(t))
    known, omega, start, end = label.to(t).T
    return known.long(), (omega, start, end)
