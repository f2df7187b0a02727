"""The exact flow map of Gaussian data, in closed form on any path."""

import math

import torch
from torch import Tensor

from engine.flow.clock import Time, spread
from engine.flow.oracles.oracle import Oracle
from engine.flow.paths import Linear, Path


class Gaussian(Oracle):
    """Data of law N(mean [d], covariance [d, d]); times and states are those of `path`.

    On each axis i of the covariance, x_t has variance S_i(t) = a^2 l_i + b^2, and the flow map
    scales the distance from the mean: x_s - a_s mean = sqrt(S_i(s) / S_i(t)) (x_t - a_t mean).
    """

    def __init__(self, mean: Tensor, covariance: Tensor, path: Path | None = None) -> None:
        self.path = path or Linear()
        self.mean = mean
        self.variances: Tensor
        self.axes: Tensor
        self.variances, self.axes = torch.linalg.eigh(covariance)

    def v(self, x: Tensor, t: Time) -> Tensor:
        """Velocity a' E[data] + b' E[noise]."""
        return self.path.velocity(*self.expected(x, t), t)

    def jump(self, x: Tensor, t: Time, s: Time) -> Tensor:
        """The state at `s`, in closed form."""
        scale = torch.sqrt(self._variance(x, s) / self._variance(x, t))
        return self._mean(x, s) + self._back(x, scale * self._along(x, t))

    def expected(self, x: Tensor, t: Time) -> tuple[Tensor, Tensor]:
        """E[data | x_t = x] and E[noise | x_t = x]."""
        time = spread(t, x)
        a, b = self.path.a(time), self.path.b(time)
        share = self._along(x, t) / self._variance(x, t)
        data = self.mean.to(x) + self._back(x, a * self.variances.to(x) * share)
        return data, b * self._back(x, share)

    def score(self, x: Tensor, t: Time) -> Tensor:
        """Gradient of `log_density`."""
        return -self._back(x, self._along(x, t) / self._variance(x, t))

    def log_density(self, x: Tensor, t: Time) -> Tensor:
        """log p_t(x), shape (B,)."""
        variance = self._variance(x, t)
        return -(self._along(x, t) ** 2 / variance + torch.log(2 * math.pi * variance)).sum(1) / 2

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """`count` samples of the data [count, d]."""
        shape, like = (count, len(self.mean)), self.mean
        normal = torch.randn(shape, generator=generator, dtype=like.dtype, device=like.device)
        return self.mean + self._back(normal, torch.sqrt(self.variances) * normal)

    def _mean(self, x: Tensor, t: Time) -> Tensor:
        return self.path.a(spread(t, x)) * self.mean.to(x)

    def _variance(self, x: Tensor, t: Time) -> Tensor:
        time = spread(t, x)
        return self.path.a(time) ** 2 * self.variances.to(x) + self.path.b(time) ** 2

    def _along(self, x: Tensor, t: Time) -> Tensor:
        """The distance from the mean along each axis of the covariance."""
        return (x - self._mean(x, t)) @ self.axes.to(x)

    def _back(self, x: Tensor, along: Tensor) -> Tensor:
        return along @ self.axes.to(x).T
