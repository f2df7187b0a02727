"""The flow map jump(x_t, t, s) = x_s = x_t + (s - t) u, and what a network can mean for it."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from engine.contract.catalogue import Grid, method
from engine.contract.messages import Solver
from engine.flow.base import FlowMap as FlowMap
from engine.flow.base import Network as Network
from engine.flow.clock import Time, each, spread
from engine.flow.dyadic import Distilled, Dyadic
from engine.flow.endpoint import Endpoint
from engine.flow.renoise import Noise
from engine.flow.solvers import EVALUATIONS, SOLVERS


class AverageVelocity(FlowMap):
    """The network is u(x_t, t, s) (MeanFlow, arXiv 2505.13447): any jump in one evaluation."""

    capability = "flow map"

    def carry(
        self,
        x: Tensor,
        times: Sequence[Time],
        label: Tensor | None = None,
        noise: Noise | None = None,
    ) -> Tensor:
        """One jump, and one evaluation, from each time to the next."""
        for t, s in pairwise(times):
            x = x + spread(s - t, x) * self.u(x, t, s, label)
        return x

    def u(self, x_t: Tensor, t: Time, s: Time, label: Tensor | None = None) -> Tensor:
        """The network itself."""
        return self.network(x_t, each(t, x_t), each(s, x_t), label)

    def v(self, x_t: Tensor, t: Time, label: Tensor | None = None) -> Tensor:
        """The network at s = t."""
        return self.u(x_t, t, t, label)


class Velocity(FlowMap):
    """The network is v(x_t, t) (asked with s = t): a jump integrates the ODE."""

    capability = "velocity"

    def __init__(self, network: Network, solver: Solver = "heun") -> None:
        super().__init__(network)
        self.solver = solver

    def carry(
        self,
        x: Tensor,
        times: Sequence[Time],
        label: Tensor | None = None,
        noise: Noise | None = None,
    ) -> Tensor:
        """One step of the solver from each time to the next."""
        return SOLVERS[self.solver](lambda y, t: self.v(y, t, label), x, times)

    def u(self, x_t: Tensor, t: Time, s: Time, label: Tensor | None = None) -> Tensor:
        """Average velocity of one step of the solver."""
        gap = spread(each(s, x_t) - each(t, x_t), x_t)
        moved = self.jump(x_t, t, s, label) - x_t
        return torch.where(gap == 0, self.v(x_t, t, label), moved / gap)

    def v(self, x_t: Tensor, t: Time, label: Tensor | None = None) -> Tensor:
        """The network at s = t."""
        time = each(t, x_t)
        return self.network(x_t, time, time, label)

    def evaluations(self, times: Sequence[Time]) -> int:
        """The solver's for each step."""
        return EVALUATIONS[self.solver] * (len(times) - 1)


def flow_map_for(
    method_name: str,
    network: Network,
    solver: Solver = "heun",
    grid: Grid | None = None,
    teacher: FlowMap | None = None,
) -> FlowMap:
    """The flow map that a network trained by this method is. Raises KeyError for another name.

    `solver` is for a velocity, `grid` for a dyadic model, `teacher` for an endpoint.
    """
    match method(method_name).capability:
        case "velocity":
            return Velocity(network, solver)
        case "endpoint":
            return Endpoint(network, teacher)
        case "dyadic":
            if method_name == "pd":
                return Distilled(network, grid or Grid(1, 1))
            return Dyadic(network, grid or Grid())
        case "flow map":
            return AverageVelocity(network)
