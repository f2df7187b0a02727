"""Gradients through what is not to be fitted."""

import torch
from torch import Tensor


def leaf(x: Tensor) -> Tensor:
    """The value of `x` as the start of a graph of its own."""
    return x.detach().requires_grad_()


def behind(value: Tensor, at: Tensor, x: Tensor) -> Tensor:
    """The scalar `value`, computed from `at = leaf(x)`, as a function of `x` alone.

    Its gradient reaches `x` and what made it, and none of the weights between `at` and `value`,
    whether they are marked as fixed or not. The graph behind `at` may be used again.
    """
    if not x.requires_grad:
        return value.detach()
    with torch.autocast(x.device.type, enabled=False):
        (slope,) = torch.autograd.grad(value, at, retain_graph=True)
    return value.detach() + ((x - x.detach()) * slope).sum()
