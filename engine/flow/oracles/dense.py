"""One integration from noise that serves every pair (t, s)."""

import torch
from torch import Tensor

from engine.flow.clock import Time, each, spread
from engine.flow.oracles.oracle import Integrated
from engine.flow.solvers import even, rk4


class DenseFlow:
    """Trajectories of `oracle` from `noise` [B, ...] at t = 1: their states at any time.

    `steps` steps of RK4 (the oracle's own number unless given) leave states and velocities at as
    many times; between them the state is a cubic Hermite polynomial, whose error is of RK4's order.
    They are taken when they are first needed, or one by one by `step`.
    """

    def __init__(self, oracle: Integrated, noise: Tensor, steps: int | None = None) -> None:
        self.steps, self.done = steps or oracle.steps, 0
        self.floor = oracle.floor
        self._oracle = oracle
        self._times = even(1.0, self.floor, self.steps)
        self.states = noise.new_empty(self.steps + 1, *noise.shape)
        self.velocities = torch.empty_like(self.states)
        self._keep(noise)

    def step(self) -> None:
        """Integrate one step further."""
        t, s = self._times[self.done : self.done + 2]
        self.done += 1
        self._keep(rk4(self._oracle.v, self.states[self.done - 1], t, s))

    def reached(self, t: Time) -> bool:
        """Whether the integration has come as far as every time in `t`."""
        return self.done >= self._needed(t)

    def at(self, t: Time, first: int | None = None) -> Tensor:
        """The states [B, ...] at `t`, one time or one for each trajectory; integrated as needed.

        Of the `first` trajectories alone, where so many are wanted.
        """
        while not self.reached(t):
            self.step()
        noise = self.states[0][:first]
        inside = each(t, noise).clamp_min(self.floor)
        place = (1 - inside) / (1 - self.floor) * self.steps
        before = place.long().clamp(0, self.done - 1)
        line = spread(each(t, noise) - inside, noise) * self.velocities[self.done][:first]
        return self._between(before, spread(place - before, noise)) + line

    def _keep(self, x: Tensor) -> None:
        self.states[self.done] = x
        self.velocities[self.done] = self._oracle.v(x, self._times[self.done])

    def _needed(self, t: Time) -> int:
        """The step behind the earliest of these times."""
        earliest = max(self.floor, float(torch.as_tensor(t).min()))
        return min(self.steps, int((1 - earliest) / (1 - self.floor) * self.steps) + 1)

    def _between(self, before: Tensor, w: Tensor) -> Tensor:
        """Cubic Hermite polynomial at the share `w` of the way from time `before` to the next."""
        rows = torch.arange(len(before), device=before.device)
        x, x_next = self.states[before, rows], self.states[before + 1, rows]
        gap = -(1 - self.floor) / self.steps
        v, v_next = gap * self.velocities[before, rows], gap * self.velocities[before + 1, rows]
        rise = x_next - x
        return x + w * (v + w * (3 * rise - 2 * v - v_next + w * (v + v_next - 2 * rise)))
