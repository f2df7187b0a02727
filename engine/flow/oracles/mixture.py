"""The exact velocity of a mixture of isotropic Gaussians on the common clock."""

import math

import torch
from torch import Tensor

from engine.flow.clock import Time, spread
from engine.flow.oracles.oracle import Integrated

_PORTION = 1 << 16  # components times points: larger blocks cost more page faults than sums


class Mixture(Integrated):
    """Data drawn from N(means_k, stds_k^2 I) with probability weights_k.

    `means` is [K, d], `stds` [K] and above zero, `weights` [K] (made to sum to 1). Component k of
    x_t has mean a means_k and variance S_k = a^2 stds_k^2 + b^2 on each axis, with a = 1 - t and
    b = t. Every sum over components is a matrix product, so nothing of size B x K x d is made.
    """

    def __init__(self, means: Tensor, stds: Tensor, weights: Tensor) -> None:
        if not bool((stds > 0).all()):
            raise ValueError("Every component needs a standard deviation above zero.")
        self.means, self.stds, self.weights = means, stds, weights / weights.sum()
        column, squares = torch.ones_like(stds)[:, None], (means**2).sum(1, keepdim=True)
        self._variances, self._log_weights = stds[:, None] ** 2, torch.log(self.weights)[:, None]
        self._summed = torch.cat([means, self._variances, column], 1).T
        self._measured = torch.cat([means, squares, column], 1)

    def v(self, x: Tensor, t: Time) -> Tensor:
        """Velocity E[noise] - E[data]."""
        data, noise = self.expected(x, t)
        return noise - data

    def expected(self, x: Tensor, t: Time) -> tuple[Tensor, Tensor]:
        """E[data | x_t = x] and E[noise | x_t = x], each [B, d]."""
        a, b = 1 - spread(t, x), spread(t, x)
        mean, variance, precision = self._moments(x, t)
        data = b**2 * mean + a * variance * x
        return data, b * (precision * x - a * mean)

    def score(self, x: Tensor, t: Time) -> Tensor:
        """Gradient of `log_density`, [B, d]."""
        mean, _, precision = self._moments(x, t)
        return (1 - spread(t, x)) * mean - precision * x

    def log_density(self, x: Tensor, t: Time) -> Tensor:
        """log p_t(x), shape (B,)."""
        logits, _ = self._logits(x, spread(t, x))
        return torch.logsumexp(logits, 0) - x.shape[1] / 2 * math.log(2 * math.pi)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """`count` samples of the data [count, d]."""
        drawn = torch.multinomial(self.weights, count, replacement=True, generator=generator)
        means, stds = self.means[drawn], self.stds[drawn, None]
        normal = torch.randn(
            means.shape, generator=generator, dtype=means.dtype, device=means.device
        )
        return means + stds * normal

    def _moments(self, x: Tensor, t: Time) -> tuple[Tensor, Tensor, Tensor]:
        """Sums over k of r_k / S_k times means_k [B, d], stds_k^2 [B, 1] and 1 [B, 1].

        r_k is the probability that x came from component k.
        """
        time = spread(t, x)
        rows = max(1, _PORTION // len(self.means))
        portions = [slice(start, start + rows) for start in range(0, len(x), rows)]
        sums = torch.cat([self._sums(x[p], time[p] if len(time) > 1 else time) for p in portions])
        return sums[:, :-2], sums[:, -2:-1], sums[:, -1:]

    def _sums(self, x: Tensor, time: Tensor) -> Tensor:
        logits, precisions = self._logits(x, time)
        return (self._summed.to(x) @ (torch.softmax(logits, 0) * precisions)).T

    def _logits(self, x: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
        """log(w_k N(x; a means_k, S_k)) + d / 2 log 2 pi, [K, B]; 1 / S_k, [K, 1] or [K, B].

        Components come first because torch's softmax over few neighbouring numbers is slow.
        """
        precisions = 1 / ((1 - time.T) ** 2 * self._variances.to(x) + time.T**2)
        prior = self._log_weights.to(x) + x.shape[1] / 2 * torch.log(precisions)
        distances = self._distances(x, 1 - time)
        return torch.addcmul(prior, precisions, distances, value=-0.5), precisions

    def _distances(self, x: Tensor, a: Tensor) -> Tensor:
        """|x - a means_k|^2, [K, B], as one product of matrices."""
        lengths = (x**2).sum(1, keepdim=True)
        points = torch.cat([-2 * a * x, (a**2).expand(len(x), 1), lengths], 1)
        return self._measured.to(x) @ points.T
