"""How right a flow map is: mean squares per sample, (B,), of what is zero at the exact one."""

from collections.abc import Callable

from torch import Tensor

from engine.flow.clock import Time, each, spread
from engine.flow.flow_map import Network
from engine.objectives.derivative import with_derivative

Jump = Callable[[Tensor, Time, Time], Tensor]
"""jump(x_t, t, s) of any kind: learned or true."""


def squares(difference: Tensor) -> Tensor:
    """Mean square over all dimensions but the first."""
    return difference.square().flatten(1).mean(1)


def defect(jump: Jump, x_t: Tensor, t: Tensor, s: Tensor, between: Tensor) -> Tensor:
    """Semigroup defect |jump(x_t, t, s) - jump(jump(x_t, t, q), q, s)|^2 with q = `between`.

    No truth is needed, and zero does not mean right: the identity has no defect.
    """
    return squares(jump(x_t, t, s) - jump(jump(x_t, t, between), between, s))


def residual(
    network: Network, x_t: Tensor, t: Time, s: Time, v: Tensor, label: Tensor | None = None
) -> Tensor:
    """|u - v + (t - s) du/dt|^2 with du/dt along (v, 1, 0): MeanFlow's identity, eq. 6.

    (arXiv 2505.13447.) With the velocity of single samples as `v` its mean is that of the
    marginal one plus what their scatter adds.
    """
    start, end = each(t, x_t), each(s, x_t)
    u, du = with_derivative(network, x_t, start, end, v, label)
    return squares(u - v + spread(start - end, x_t) * du)
