"""The exact velocity of a finite set of samples on the common clock."""

import torch
from torch import Tensor

from engine.flow.clock import Time, spread
from engine.flow.oracles.oracle import Integrated


class Empirical(Integrated):
    """Data is one of the samples `data` [N, ...], each as likely as another.

    E[data | x_t = x] is the mean of the samples under softmax(-|x - a data|^2 / 2 b^2), a = 1 - t
    and b = t. Every trajectory ends in a sample. At t = 0 the noise is forgotten: from there a
    jump takes the mean noise, zero. `kept` [B, N] says which samples each state may come from,
    where it is told a class; then all states [B, ...] are asked together.
    """

    steps = 100
    floor = 1e-3  # by then the softmax has chosen, unless samples differ by less than rounding

    def __init__(self, data: Tensor, kept: Tensor | None = None) -> None:
        self.data, self.kept = data.flatten(1), kept

    def v(self, x: Tensor, t: Time) -> Tensor:
        """Velocity E[noise] - E[data]."""
        data, noise = self.expected(x, t)
        return noise - data

    def expected(self, x: Tensor, t: Time) -> tuple[Tensor, Tensor]:
        """E[data | x_t = x] and E[noise | x_t = x], of the shape of `x`."""
        samples, time, flat = self.data.to(x), spread(t, x), spread(t, x.flatten(1))
        a = 1 - flat
        distance = a * (samples**2).sum(1) / 2 - x.flatten(1) @ samples.T
        logits = -a * distance / flat.clamp_min(1e-6) ** 2  # |x|^2 cancels in the softmax
        if self.kept is not None:
            logits = logits.masked_fill(~self.kept, -torch.inf)
        data = (torch.softmax(logits, 1) @ samples).reshape(x.shape)
        return data, torch.where(time > 0, (x - (1 - time) * data) / time, 0)
