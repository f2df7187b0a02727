"""The flow map jump(x_t, t, s) = x_s = x_t + (s - t) u, and what a network can mean for it."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor

from engine.contract.catalogue import Capability, method
from engine.flow.clock import Time, each, spread
from engine.flow.solvers import EVALUATIONS, Step, even, heun, integrate

Network = Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]
"""network(x_t, t, s, label): t and s of shape (B,), label int64 of shape (B,) or None."""


class FlowMap(ABC):
    """A learned flow map on the common clock; `t` and `s` are numbers or tensors of shape (B,)."""

    capability: ClassVar[Capability]

    def __init__(self, network: Network) -> None:
        self.network = network

    @abstractmethod
    def jump(
        self, x_t: Tensor, t: Time, s: Time, label: Tensor | None = None, steps: int = 1
    ) -> Tensor:
        """The state at `s` of what stands in `x_t` at `t`, reached in `steps` equal steps."""

    @abstractmethod
    def u(self, x_t: Tensor, t: Time, s: Time, label: Tensor | None = None) -> Tensor:
        """Average velocity between `t` and `s`, so that one step is x_t + (s - t) u; v at s = t."""

    @abstractmethod
    def v(self, x_t: Tensor, t: Time, label: Tensor | None = None) -> Tensor:
        """Velocity dx/dt at `t`."""

    @abstractmethod
    def nfe(self, t: float, s: float, steps: int) -> int:
        """Evaluations of the network that this jump costs."""


class AverageVelocity(FlowMap):
    """The network is u(x_t, t, s) (MeanFlow, arXiv 2505.13447): any jump in one evaluation."""

    capability = "flow map"

    def jump(
        self, x_t: Tensor, t: Time, s: Time, label: Tensor | None = None, steps: int = 1
    ) -> Tensor:
        """`steps` equal jumps, one evaluation each."""
        for start, end in pairwise(even(t, s, steps)):
            x_t = x_t + spread(end - start, x_t) * self.u(x_t, start, end, label)
        return x_t

    def u(self, x_t: Tensor, t: Time, s: Time, label: Tensor | None = None) -> Tensor:
        """The network itself."""
        return self.network(x_t, each(t, x_t), each(s, x_t), label)

    def v(self, x_t: Tensor, t: Time, label: Tensor | None = None) -> Tensor:
        """The network at s = t."""
        return self.u(x_t, t, t, label)

    def nfe(self, t: float, s: float, steps: int) -> int:
        """One evaluation a step."""
        return steps


class Velocity(FlowMap):
    """The network is v(x_t, t) (asked with s = t): a jump integrates the ODE."""

    capability = "velocity"

    def __init__(self, network: Network, step: Step = heun) -> None:
        super().__init__(network)
        self.step = step

    def jump(
        self, x_t: Tensor, t: Time, s: Time, label: Tensor | None = None, steps: int = 1
    ) -> Tensor:
        """`steps` equal steps of the solver."""

        def field(x: Tensor, time: Time) -> Tensor:
            return self.v(x, time, label)

        return integrate(field, x_t, even(t, s, steps), self.step)

    def u(self, x_t: Tensor, t: Time, s: Time, label: Tensor | None = None) -> Tensor:
        """Average velocity of one step of the solver."""
        gap = spread(each(s, x_t) - each(t, x_t), x_t)
        moved = self.jump(x_t, t, s, label) - x_t
        return torch.where(gap == 0, self.v(x_t, t, label), moved / gap)

    def v(self, x_t: Tensor, t: Time, label: Tensor | None = None) -> Tensor:
        """The network at s = t."""
        time = each(t, x_t)
        return self.network(x_t, time, time, label)

    def nfe(self, t: float, s: float, steps: int) -> int:
        """The solver's evaluations times `steps`."""
        return EVALUATIONS[self.step] * steps


def flow_map_for(method_name: str, network: Network) -> FlowMap:
    """The flow map that a network trained by this method is. Raises KeyError for another name."""
    kinds: dict[Capability, type[AverageVelocity] | type[Velocity]] = {
        "flow map": AverageVelocity,
        "velocity": Velocity,
    }
    return kinds[method(method_name).capability](network)
