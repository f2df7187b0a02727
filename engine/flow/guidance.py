"""Classifier-free guidance while sampling."""

import torch
from torch import Tensor

from engine.flow.base import Network


def guided(network: Network, classes: int, weight: float) -> Network:
    """u(hidden) + weight (u(label) - u(hidden)) (arXiv 2207.12598), where there is a label.

    `classes` is the label that hides the class. It costs two evaluations, and it is for velocities:
    an average velocity that is guided so is none of the guided flow.
    """

    def asked(x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
        if label is None:
            return network(x, t, s, None)
        hidden = network(x, t, s, torch.full_like(label, classes))
        return hidden + weight * (network(x, t, s, label) - hidden)

    return asked
