"""Averages of the weights over the training."""

import torch
from torch import nn


class Averages:
    """Exponential moving averages of a network's weights, one for each rate.

    After n updates a rate counts as min(rate, (1 + n) / (10 + n)), so that the first weights are
    soon forgotten.
    """

    def __init__(self, network: nn.Module, rates: tuple[float, ...]) -> None:
        now = network.state_dict()  # shares its memory with the network
        self.rates = rates
        self.weights = {rate: {k: v.clone() for k, v in now.items()} for rate in rates}
        moving = [k for k, v in now.items() if v.is_floating_point()]
        self._source = [now[k] for k in moving]
        self._targets = {rate: [self.weights[rate][k] for k in moving] for rate in rates}
        self._fixed = [(k, v) for k, v in now.items() if not v.is_floating_point()]

    @torch.no_grad()
    def update(self, count: int) -> None:
        """Move every average towards the weights after update number `count`, from 0."""
        for rate in self.rates:
            decay = min(rate, (1 + count) / (10 + count))
            torch._foreach_lerp_(self._targets[rate], self._source, 1 - decay)
            for key, value in self._fixed:
                self.weights[rate][key].copy_(value)
