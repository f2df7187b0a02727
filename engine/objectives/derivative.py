"""Derivatives of a network along a trajectory, by forward-mode differentiation."""

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from engine.flow.flow_map import Network

SPLIT = 4  # rows at most whose du/dt is told in its two parts


def total_derivative(
    network: Network, x_t: Tensor, t: Tensor, s: Tensor, v: Tensor, label: Tensor | None = None
) -> Tensor:
    """du/dt, the derivative of u(x_t, t, s) in direction (v, 1, 0), without gradient."""
    return with_derivative(network, x_t, t, s, v, label)[1]


def with_derivative(
    network: Network,
    x_t: Tensor,
    t: Tensor,
    s: Tensor,
    v: Tensor,
    label: Tensor | None = None,
    pace: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """u(x_t, t, s) and its derivative in direction (v, pace, 0), both without gradient.

    `pace` is 1 where it is not given. Autocast is off inside: a tangent in bfloat16 is off by some
    percent.
    """
    if not len(x_t):
        return x_t, x_t
    pace = torch.ones_like(t) if pace is None else pace
    # Copies, as the compiler cannot make dual numbers of views. torch.func.jvp finds the same, but
    # takes a quarter longer through a U-Net.
    dual = forward_ad.make_dual
    with torch.no_grad(), torch.autocast(x_t.device.type, enabled=False), forward_ad.dual_level():
        moving = dual(x_t.clone(), v.clone()), dual(t.clone(), pace)
        u, found = forward_ad.unpack_dual(network(*moving, s.clone(), label))
    tangent: Tensor | None = found
    return u, torch.zeros_like(x_t) if tangent is None else tangent


def with_tangents(
    network: Network, x_t: Tensor, t: Tensor, s: Tensor, v: Tensor, label: Tensor | None = None
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """u and du/dt as `with_derivative` gives them, and what to tell of du/dt, per row.

    `tangent` is the root mean square of du/dt. On the first few rows `tangent_x` is that of its
    part v . grad_x u, and `tangent_t` that of the rest, du/dt where x stands still: they cost one
    more row each of the same pass, where a pass of their own would cost a fifth of a step.
    """
    count = len(x_t)
    few = min(SPLIT, -(-count // 8))
    if not few:
        return x_t, x_t, {}
    x, at, to, along = (torch.cat((each, each[:few])) for each in (x_t, t, s, v))
    told = None if label is None else torch.cat((label, label[:few]))
    pace = torch.cat((torch.ones_like(t), torch.zeros_like(t[:few])))
    u, moved = with_derivative(in_parts(network, count), x, at, to, along, told, pace)
    du, by_x = moved.split((count, few))
    shown = {"tangent": du, "tangent_x": by_x, "tangent_t": du[:few] - by_x}
    return u[:count], du, {name: root_mean_square(part) for name, part in shown.items()}


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
    owner = getattr(network, "__self__", network)  # of a method of a network
    parts = owner.modules() if isinstance(owner, nn.Module) else ()
    return any(isinstance(part, nn.Dropout) and part.p > 0 and part.training for part in parts)


def head(label: Tensor | None, rows: int) -> Tensor | None:
    """The labels of the leading rows."""
    return None if label is None else label[:rows]
