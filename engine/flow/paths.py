"""Gaussian paths x_t = a(t) data + b(t) noise, each with its own clock, and their conversions.

Every path has the same probability-flow trajectories up to scale and clock (Karras et al. 2022,
arXiv 2206.00364), so a model of any path is met in the common one at its border: the linear path's
clock and state. Here `t` is the path's own time, a tensor; `data`, `noise`, `v` and `score` stand
for expectations given x_t, or for one pair that made x_t: the same sums hold for both.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.flow.clock import Time, sigma_of, spread, time_of


class Path(ABC):
    """The scales a(t) of data and b(t) of noise; data is met where b / a = 0."""

    @abstractmethod
    def a(self, t: Tensor) -> Tensor:
        """Scale of the data."""

    @abstractmethod
    def b(self, t: Tensor) -> Tensor:
        """Scale of the noise."""

    @abstractmethod
    def da(self, t: Tensor) -> Tensor:
        """Derivative of `a`."""

    @abstractmethod
    def db(self, t: Tensor) -> Tensor:
        """Derivative of `b`."""

    @abstractmethod
    def time_of(self, sigma: Tensor) -> Tensor:
        """Time at which b / a is `sigma`."""

    def sigma(self, t: Tensor) -> Tensor:
        """Noise-to-signal ratio b / a."""
        return self.b(t) / self.a(t)

    def mix(self, data: Tensor, noise: Tensor, t: Time) -> Tensor:
        """x_t = a data + b noise."""
        time = spread(t, data)
        return self.a(time) * data + self.b(time) * noise

    def velocity(self, data: Tensor, noise: Tensor, t: Time) -> Tensor:
        """v = a' data + b' noise, the derivative of `mix`."""
        time = spread(t, data)
        return self.da(time) * data + self.db(time) * noise

    def to_common(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """State and time on the linear path: x / (a + b) and b / (a + b)."""
        time = spread(t, x)
        return x / (self.a(time) + self.b(time)), self.b(t) / (self.a(t) + self.b(t))

    def from_common(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """State and time on this path of what stands on the linear path."""
        own = self.time_of(sigma_of(t))
        time = spread(own, x)
        return x * (self.a(time) + self.b(time)), own

    def noise_from_data(self, x: Tensor, data: Tensor, t: Time) -> Tensor:
        """(x - a data) / b; not where b = 0."""
        time = spread(t, x)
        return (x - self.a(time) * data) / self.b(time)

    def data_from_noise(self, x: Tensor, noise: Tensor, t: Time) -> Tensor:
        """(x - b noise) / a; not where a = 0."""
        time = spread(t, x)
        return (x - self.b(time) * noise) / self.a(time)

    def data_from_velocity(self, x: Tensor, v: Tensor, t: Time) -> Tensor:
        """(b' x - b v) / (a b' - a' b): Cramer's rule on x and v."""
        time = spread(t, x)
        return (self.db(time) * x - self.b(time) * v) / self._determinant(time)

    def noise_from_velocity(self, x: Tensor, v: Tensor, t: Time) -> Tensor:
        """(a v - a' x) / (a b' - a' b)."""
        time = spread(t, x)
        return (self.a(time) * v - self.da(time) * x) / self._determinant(time)

    def score_from_noise(self, noise: Tensor, t: Time) -> Tensor:
        """Gradient of log p_t(x): -noise / b (Tweedie's formula)."""
        return -noise / self.b(spread(t, noise))

    def noise_from_score(self, score: Tensor, t: Time) -> Tensor:
        """-b score."""
        return -self.b(spread(t, score)) * score

    def _determinant(self, t: Tensor) -> Tensor:
        return self.a(t) * self.db(t) - self.da(t) * self.b(t)


@dataclass(frozen=True)
class Linear(Path):
    """a = 1 - t, b = t on [0, 1]: rectified flow, MeanFlow, and the common clock itself."""

    def a(self, t: Tensor) -> Tensor:
        return 1 - t

    def b(self, t: Tensor) -> Tensor:
        return t

    def da(self, t: Tensor) -> Tensor:
        return -torch.ones_like(t)

    def db(self, t: Tensor) -> Tensor:
        return torch.ones_like(t)

    def time_of(self, sigma: Tensor) -> Tensor:
        return time_of(sigma)


@dataclass(frozen=True)
class VE(Path):
    """a = 1, b = t = sigma on [0, inf): EDM and the consistency models (Karras et al. 2022)."""

    def a(self, t: Tensor) -> Tensor:
        return torch.ones_like(t)

    def b(self, t: Tensor) -> Tensor:
        return t

    def da(self, t: Tensor) -> Tensor:
        return torch.zeros_like(t)

    def db(self, t: Tensor) -> Tensor:
        return torch.ones_like(t)

    def time_of(self, sigma: Tensor) -> Tensor:
        return sigma


@dataclass(frozen=True)
class Trig(Path):
    """a = cos t, b = sigma_data sin t on [0, pi / 2]: TrigFlow (arXiv 2410.11081, section 3)."""

    sigma_data: float = 1.0

    def a(self, t: Tensor) -> Tensor:
        return torch.cos(t)

    def b(self, t: Tensor) -> Tensor:
        return self.sigma_data * torch.sin(t)

    def da(self, t: Tensor) -> Tensor:
        return -torch.sin(t)

    def db(self, t: Tensor) -> Tensor:
        return self.sigma_data * torch.cos(t)

    def time_of(self, sigma: Tensor) -> Tensor:
        return torch.atan(sigma / self.sigma_data)


@dataclass(frozen=True)
class VP(Path):
    """a^2 + b^2 = 1 with rate beta rising evenly over [0, 1] (Song et al. 2021, arXiv 2011.13456).

    log a = -t^2 (beta_max - beta_min) / 4 - t beta_min / 2, equation 33. Its noise end is short of
    pure noise: sigma(1) is about 152. `db` is infinite at t = 0.
    """

    beta_min: float = 0.1
    beta_max: float = 20.0

    def a(self, t: Tensor) -> Tensor:
        return torch.exp(self._log_a(t))

    def b(self, t: Tensor) -> Tensor:
        return torch.sqrt(-torch.expm1(2 * self._log_a(t)))

    def da(self, t: Tensor) -> Tensor:
        return -self._beta(t) / 2 * self.a(t)

    def db(self, t: Tensor) -> Tensor:
        return self._beta(t) / 2 * self.a(t) ** 2 / self.b(t)

    def time_of(self, sigma: Tensor) -> Tensor:
        # The root of t^2 rise / 2 + t beta_min = log(1 + sigma^2), without cancellation.
        rise, target = self.beta_max - self.beta_min, torch.log1p(sigma**2)
        return 2 * target / (self.beta_min + torch.sqrt(self.beta_min**2 + 2 * rise * target))

    def _beta(self, t: Tensor) -> Tensor:
        return self.beta_min + (self.beta_max - self.beta_min) * t

    def _log_a(self, t: Tensor) -> Tensor:
        return -(t**2) * (self.beta_max - self.beta_min) / 4 - t * self.beta_min / 2
