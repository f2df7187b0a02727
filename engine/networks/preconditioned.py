"""A network that is asked for what is left of u after the best linear guess."""

import math

import torch
from torch import Tensor, nn

from engine.contract import specs
from engine.flow.base import Network
from engine.flow.clock import spread

SIGMAS = (0.002, 80.0)  # between which the logarithmic clock runs (arXiv 2206.00364, table 1)


class Preconditioned(nn.Module):
    """u(x, t, s) = k(t) x - (sigma_data / S) F(x / S, t, s), S^2 = t^2 + sigma_data^2 (1 - t)^2.

    This is the preconditioning of EDM (arXiv 2206.00364, table 1), D = c_skip x + c_out F, seen
    from the common clock: D = x - t u there, all coefficients stay finite on [0, 1], and
    k = (t - sigma_data^2 (1 - t)) / S^2. With s it is the g of CTM (arXiv 2310.02279, eq. 9), and
    the F of TrigFlow (arXiv 2410.11081, eq. 6) is the same with its sign turned.
    """

    def __init__(self, backbone: nn.Module, spec: specs.Preconditioned) -> None:
        super().__init__()
        self.backbone, self.sigma_data, self.clock = backbone, spec.sigma_data, spec.clock

    @property
    def output_weight(self) -> Tensor:
        """The weight of the last layer."""
        weight = self.backbone.output_weight
        assert isinstance(weight, Tensor)
        return weight

    def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None = None) -> Tensor:
        """Average velocity over [s, t] of x [B, ...] in the common state."""
        return self._velocity(self.backbone, x, t, s, label)

    def heads(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None = None) -> Tensor:
        """The average velocity and, by the auxiliary head, the velocity at t: [B, 2, ...]."""
        pair: Network = self.backbone.heads  # type: ignore[assignment]
        return self._velocity(pair, x, t, s, label)

    def _velocity(
        self, ask: Network, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None
    ) -> Tensor:
        """What the backbone's answer means, of one head or of a pair."""
        at, power = spread(t, x), self.sigma_data**2
        square = at.square() + power * (1 - at).square()
        scale = square.rsqrt()
        found = ask(x * scale, self.network_time(t), self.network_time(s), label)
        guess = (at - power * (1 - at)) / square * x
        if found.ndim > x.ndim:
            guess, scale = guess[:, None], scale[:, None]
        return guess - self.sigma_data * scale * found

    def network_time(self, t: Tensor) -> Tensor:
        """The clock that the network sees, in [0, 1]."""
        match self.clock:
            case "t":
                return t
            case "angle":
                return torch.atan2(t, self.sigma_data * (1 - t)) * (2 / math.pi)
        low, high = (math.log(sigma) for sigma in SIGMAS)
        least, most = (sigma / (1 + sigma) for sigma in SIGMAS)
        return (torch.logit(t.clamp(least, most)) - low) / (high - low)
