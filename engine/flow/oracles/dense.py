"""One integration from noise that serves every pair (t, s)."""

from collections.abc import Sequence

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
        time = each(t, noise)
        return self._between(time, torch.arange(len(noise), device=noise.device))

    def path(self, times: Sequence[float], first: int | None = None) -> Tensor:
        """The states [k, B, ...] at each of `times`, integrated as needed."""
        while not self.reached(min(times)):
            self.step()
        noise = self.states[0][:first]
        rows = torch.arange(len(noise), device=noise.device).repeat(len(times))
        time = noise.new_tensor(times).repeat_interleave(len(noise))
        return self._between(time, rows).unflatten(0, (len(times), len(noise)))

    def _keep(self, x: Tensor) -> None:
        self.states[self.done] = x
        self.velocities[self.done] = self._oracle.v(x, self._times[self.done])

    def _needed(self, t: Time) -> int:
        """The step behind the earliest of these times."""
        earliest = max(self.floor, float(torch.as_tensor(t).min()))
        return min(self.steps, int((1 - earliest) / (1 - self.floor) * self.steps) + 1)

    def _between(self, time: Tensor, rows: Tensor) -> Tensor:
        """Where the trajectories `rows` stand, each at its `time`: a cubic Hermite polynomial
        between two steps, and a line below the floor.
        """
        inside = time.clamp_min(self.floor)
        place = (1 - inside) / (1 - self.floor) * self.steps
        before = place.long().clamp(0, self.done - 1)
        x, x_next = self.states[before, rows], self.states[before + 1, rows]
        gap = -(1 - self.floor) / self.steps
        v, v_next = gap * self.velocities[before, rows], gap * self.velocities[before + 1, rows]
        rise, w = x_next - x, spread(place - before, x)
        curve = x + w * (v + w * (3 * rise - 2 * v - v_next + w * (v + v_next - 2 * rise)))
        return curve + spread(time - inside, x) * self.velocities[self.done, rows]
