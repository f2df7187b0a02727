"""MeanFlow: the average velocity, learned from its own identity."""

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from engine.contract import specs
from engine.data.batch import Batch
from engine.flow.clock import spread
from engine.flow.flow_map import Network
from engine.flow.randomness import Randomness
from engine.objectives import times
from engine.objectives.base import Loss, squared_error


class MeanFlow:
    """Regress u(x, t, s) on v + (s - t) du/dt without gradient (arXiv 2505.13447, eq. 9 to 11).

    du/dt is the derivative along (v, 1, 0) in (x, t, s). It is taken without a gradient and on
    the rows with s < t alone, as it does not count where s = t; the gradient goes through one
    plain pass over all rows. Both passes drop the same units.
    """

    def __init__(self, spec: specs.MeanFlow) -> None:
        self.spec = spec

    def __call__(
        self, network: Network, batch: Batch, randomness: Randomness, progress: float
    ) -> Loss:
        """The weighted error.

        Parts, per sample: `error` of u, `error_diagonal` and `error_jump` of its rows with s = t
        and s < t, `tangent` the root mean square of du/dt.
        """
        data, label = batch
        noise = randomness.normal("noise", data.shape).to(data)
        t, s, jumps = times.draw_pair(
            self.spec.times, self.spec.share_off_diagonal, len(data), randomness
        )
        t, s, at = t.to(data), s.to(data), spread(t.to(data), data)
        x_t, v = (1 - at) * data + at * noise, noise - data
        # Passes of other sizes draw other masks, so with dropout the jumps are a pass of their own.
        first = jumps if jumps and drops(network) else len(data)
        with randomness.shared() as again:
            u = network(x_t[:first], t[:first], s[:first], _head(label, first))
            again()
            rows = x_t[:jumps], t[:jumps], s[:jumps], v[:jumps]
            du = total_derivative(network, *rows, _head(label, jumps))
        if first < len(data):
            rest = network(
                x_t[first:], t[first:], s[first:], None if label is None else label[first:]
            )
            u = torch.cat((u, rest))
        error = squared_error(u, target(v, t, s, du))
        weighted = self.weight(error.detach(), data[0].numel()) * error
        return Loss(weighted.mean(), _parts(error.detach(), du))

    def weight(self, error: Tensor, dimensions: int) -> Tensor:
        """1 / (error + c / D)^p of the mean error over D dimensions; 1 where p = 0.

        The paper weighs the summed error D * error by 1 / (D * error + c)^p; this is the same
        times D^(p - 1), a constant, so that p = 0 is the plain mean square error.
        """
        offset = self.spec.adaptive_offset / dimensions
        return (error + offset).pow(-self.spec.adaptive_power)


def total_derivative(
    network: Network, x_t: Tensor, t: Tensor, s: Tensor, v: Tensor, label: Tensor | None = None
) -> Tensor:
    """du/dt, the derivative of u(x_t, t, s) in direction (v, 1, 0), without gradient.

    Autocast is off inside: a tangent in bfloat16 is off by some percent.
    """
    if not len(x_t):
        return x_t
    # Copies, as the compiler cannot make dual numbers of views. torch.func.jvp finds the same, but
    # takes a quarter longer through a U-Net.
    dual = forward_ad.make_dual
    with torch.no_grad(), torch.autocast(x_t.device.type, enabled=False), forward_ad.dual_level():
        moving = dual(x_t.clone(), v.clone()), dual(t.clone(), torch.ones_like(t))
        found: Tensor | None = forward_ad.unpack_dual(network(*moving, s.clone(), label)).tangent
    return torch.zeros_like(x_t) if found is None else found


def drops(network: Network) -> bool:
    """Whether the network drops units at random now."""
    parts = network.modules() if isinstance(network, nn.Module) else ()
    return any(isinstance(part, nn.Dropout) and part.p > 0 and part.training for part in parts)


def _head(label: Tensor | None, rows: int) -> Tensor | None:
    return None if label is None else label[:rows]


def target(v: Tensor, t: Tensor, s: Tensor, du: Tensor) -> Tensor:
    """What u is to be: v + (s - t) du/dt on the leading rows, where `du` is given, then v."""
    jumps = len(du)
    moved = v[:jumps] + spread(s[:jumps] - t[:jumps], du) * du
    return torch.cat((moved, v[jumps:]))


def _parts(error: Tensor, du: Tensor) -> dict[str, Tensor]:
    """The errors of all rows, of the leading ones that jump and of the others, and the tangent."""
    jumps = len(du)
    parts = {"error": error, "error_diagonal": error[jumps:], "error_jump": error[:jumps]}
    parts["tangent"] = du.square().flatten(1).mean(dim=1).sqrt()
    return {name: value for name, value in parts.items() if len(value)}
