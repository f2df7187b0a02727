"""Regressions of the velocity: flow matching, EDM and reflow."""

from typing import NamedTuple

import torch
from torch import Tensor

from engine.contract import specs
from engine.data.batch import Batch
from engine.flow.clock import spread
from engine.flow.randomness import Randomness
from engine.objectives import times
from engine.objectives.base import Loss, Models, Objective, Trained, squared_error


class Pair(NamedTuple):
    """The two ends of straight lines, [B, ...] each, and their labels, int64 [B] or None."""

    data: Tensor
    noise: Tensor
    label: Tensor | None


class FlowMatching(Objective):
    """Regress the network at s = t on noise - data (arXiv 2210.02747, linear path)."""

    def __init__(
        self, spec: specs.FlowMatching | specs.EDM | specs.Reflow, shape: tuple[int, ...]
    ) -> None:
        super().__init__()
        self.times = spec.times

    def forward(
        self, models: Models, batch: Batch, randomness: Randomness, progress: float
    ) -> Loss:
        """The weighted mean square error of the velocity; part `error`, per sample, unweighted."""
        data, noise, label = self.pair(models, batch, randomness)
        t = times.draw(self.times, len(data), randomness).to(data)
        at = spread(t, data)
        x_t = (1 - at) * data + at * noise
        u, v, weight = models.student(x_t, t, t, label), noise - data, self.weight(t)
        error = squared_error(u, v)
        loss, told = weight * error, error.detach()
        models.record(data=data, noise=noise, t=t, s=t, x_t=x_t, answer=u, target=v)
        models.record(distance=error, weight=weight, loss=loss)
        return Loss(loss.mean(), {"error": told}, Trained(t, t, told))

    def pair(self, models: Models, batch: Batch, randomness: Randomness) -> Pair:
        """Data, and noise that knows nothing of it."""
        noise = randomness.normal("noise", batch.data.shape).to(batch.data)
        return Pair(batch.data, noise, batch.label)

    def weight(self, t: Tensor) -> Tensor:
        """Weight of the error at each of `t` (B,)."""
        return torch.ones_like(t)


class EDM(FlowMatching):
    """The same with EDM's weight and times (arXiv 2206.00364, table 1).

    EDM weighs |D - data|^2 by (sigma^2 + sigma_data^2) / (sigma sigma_data)^2. Here it is
    D = x - t u, so D - data = -t (u - v), and with sigma = t / (1 - t) the weight of |u - v|^2 is
    S^2 / sigma_data^2, S^2 = t^2 + sigma_data^2 (1 - t)^2: finite on all of [0, 1]. Its log-normal
    sigma is a logit-normal t.
    """

    def __init__(self, spec: specs.EDM, shape: tuple[int, ...]) -> None:
        super().__init__(spec, shape)
        self.sigma_data = spec.sigma_data

    def weight(self, t: Tensor) -> Tensor:
        """S^2 / sigma_data^2."""
        return (t / self.sigma_data).square() + (1 - t).square()


class Reflow(FlowMatching):
    """Flow matching on pairs that the teacher's ODE has joined (arXiv 2209.03003, algorithm 1).

    The batch's data is not used: its place is taken by the end points of the teacher's
    trajectories. Their lines cross less, so that the new flow is nearly straight.
    """

    wants_pool = True

    def pair(self, models: Models, batch: Batch, randomness: Randomness) -> Pair:
        """Noise and the teacher's end point from there."""
        assert models.pool is not None
        states, _, label = models.pool.draw(len(batch.data), randomness)
        return Pair(states[-1], states[0], label)
