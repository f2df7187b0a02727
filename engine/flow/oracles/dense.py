"""One integration from noise that serves every pair (t, s)."""

import torch
from torch import Tensor

from engine.flow.clock import Time, each, spread
from engine.flow.oracles.oracle import Integrated
from engine.flow.solvers import even, trajectory


class DenseFlow:
    """Trajectories of `oracle` from `noise` [B, ...] at t = 1: their states at any time.

    `steps` steps of RK4 (the oracle's own number unless given) leave states and velocities at as
    many times; between them the state is a cubic Hermite polynomial, whose error is of RK4's order.
    """

    def __init__(self, oracle: Integrated, noise: Tensor, steps: int | None = None) -> None:
        self.steps = steps or oracle.steps
        self.floor = oracle.floor
        times = even(1.0, self.floor, self.steps)
        self.states = trajectory(oracle.v, noise, times)
        self.velocities = torch.stack(
            [oracle.v(x, t) for x, t in zip(self.states, times, strict=True)]
        )

    def at(self, t: Time) -> Tensor:
        """The states [B, ...] at `t`, one time or one for each trajectory."""
        noise = self.states[0]
        inside = each(t, noise).clamp_min(self.floor)
        place = (1 - inside) / (1 - self.floor) * self.steps
        before = place.long().clamp(0, self.steps - 1)
        line = spread(each(t, noise) - inside, noise) * self.velocities[-1]
        return self._between(before, spread(place - before, noise)) + line

    def _between(self, before: Tensor, w: Tensor) -> Tensor:
        """Cubic Hermite polynomial at the share `w` of the way from time `before` to the next."""
        rows = torch.arange(len(before), device=before.device)
        x, x_next = self.states[before, rows], self.states[before + 1, rows]
        gap = -(1 - self.floor) / self.steps
        v, v_next = gap * self.velocities[before, rows], gap * self.velocities[before + 1, rows]
        rise = x_next - x
        return x + w * (v + w * (3 * rise - 2 * v - v_next + w * (v + v_next - 2 * rise)))
