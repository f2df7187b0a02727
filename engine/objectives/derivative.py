"""Derivatives of a network along a trajectory, by forward-mode differentiation."""

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from engine.flow.flow_map import Network


def total_derivative(
    network: Network, x_t: Tensor, t: Tensor, s: Tensor, v: Tensor, label: Tensor | None = None
) -> Tensor:
    """du/dt, the derivative of u(x_t, t, s) in direction (v, 1, 0), without gradient."""
    return with_derivative(network, x_t, t, s, v, label)[1]


def with_derivative(
    network: Network, x_t: Tensor, t: Tensor, s: Tensor, v: Tensor, label: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """u(x_t, t, s) and its derivative in direction (v, 1, 0), both without gradient.

    Autocast is off inside: a tangent in bfloat16 is off by some percent.
    """
    if not len(x_t):
        return x_t, x_t
    # Copies, as the compiler cannot make dual numbers of views. torch.func.jvp finds the same, but
    # takes a quarter longer through a U-Net.
    dual = forward_ad.make_dual
    with torch.no_grad(), torch.autocast(x_t.device.type, enabled=False), forward_ad.dual_level():
        moving = dual(x_t.clone(), v.clone()), dual(t.clone(), torch.ones_like(t))
        u, found = forward_ad.unpack_dual(network(*moving, s.clone(), label))
    tangent: Tensor | None = found
    return u, torch.zeros_like(x_t) if tangent is None else tangent


def on_diagonal(network: Network) -> Network:
    """The network at s = t, whatever s it is given: its derivative by t is that along both."""
    return lambda x, t, s, label: network(x, t, t, label)


def in_parts(network: Network, first: int) -> Network:
    """The network, asked apart for the `first` rows where it drops units at random.

    Passes of other sizes draw other masks: so the leading rows of a longer pass drop the same
    units as a pass of them alone.
    """
    if not drops(network):
        return network

    def asked(x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
        if not 0 < first < len(x):
            return network(x, t, s, label)
        rest = None if label is None else label[first:]
        leading = network(x[:first], t[:first], s[:first], head(label, first))
        return torch.cat((leading, network(x[first:], t[first:], s[first:], rest)))

    return asked


def root_mean_square(x: Tensor) -> Tensor:
    """Root mean square over all dimensions but the first, (B,)."""
    return x.square().flatten(1).mean(dim=1).sqrt()


def drops(network: Network) -> bool:
    """Whether the network drops units at random now."""
    parts = network.modules() if isinstance(network, nn.Module) else ()
    return any(isinstance(part, nn.Dropout) and part.p > 0 and part.training for part in parts)


def head(label: Tensor | None, rows: int) -> Tensor | None:
    """The labels of the leading rows."""
    return None if label is None else label[:rows]
