"""What an exact flow map can be asked, and how it is integrated where there is no closed form."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor

from engine.flow.clock import Time
from engine.flow.solvers import euler, even, integrate

T = TypeVar("T", float, Tensor)


class Oracle(ABC):
    """The exact velocity and flow map of a known law of data; `t`, `s` one time or one a sample."""

    @abstractmethod
    def v(self, x: Tensor, t: Time) -> Tensor:
        """Velocity E[a' data + b' noise | x_t = x]."""

    @abstractmethod
    def jump(self, x: Tensor, t: Time, s: Time) -> Tensor:
        """The state at `s` of what stands in `x` at `t`, either way in time."""

    def trajectory(self, x: Tensor, t: Time, times: Sequence[Time]) -> Tensor:
        """The states [k, B, ...] at each of `times` of what stands in `x` at `t`."""
        states = []
        for s in times:
            x = self.jump(x, t, s)
            states.append(x)
            t = s
        return torch.stack(states)


class Integrated(Oracle):
    """An oracle on the common clock whose jumps are integrated with RK4, `steps` over [0, 1].

    Below the time `floor` its trajectories are straight lines, and are taken as such.
    """

    steps = 400
    floor = 0.0

    def jump(self, x: Tensor, t: Time, s: Time) -> Tensor:
        """The state at `s`, within the error of RK4."""
        start, end = _at_least(self.floor, t), _at_least(self.floor, s)
        x = self._line(x, t, start)
        gap = torch.as_tensor(end - start).abs().max().item()
        steps = math.ceil(self.steps * gap - 1e-6)  # a rounding error is not worth a step
        x = integrate(self.v, x, even(start, end, max(1, steps)))
        return self._line(x, end, s)

    def _line(self, x: Tensor, t: Time, s: Time) -> Tensor:
        return euler(self.v, x, t, s) if self.floor else x


def _at_least(floor: float, t: Time) -> Time:
    return t.clamp_min(floor) if isinstance(t, Tensor) else max(t, floor)
