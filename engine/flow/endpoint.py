"""Consistency models: they know where a path ends, not the way there."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from engine.flow.base import FlowMap, Network, Unknown
from engine.flow.clock import Time, each, spread
from engine.flow.renoise import Noise, noised, own_noise
from engine.flow.solvers import even

TEACHER_STEPS = 32  # of a teacher's solver from noise to data


class Endpoint(FlowMap):
    """The network is asked with s = t, and f(x, t) = x - t u(x, t, t) is where the path ends.

    That is all that a consistency model (arXiv 2303.01469) knows. A jump to s > 0 is denoise and
    re-noise, (1 - s) f + s noise: of the right law, but no point of the path. With a `teacher`,
    whose velocity is known, the path itself is followed down to s > 0. There is no third way: f
    put in the place of a denoiser, (s / t) x + (1 - s / t) f, is of a wrong law.
    """

    capability = "endpoint"

    def __init__(self, network: Network, teacher: FlowMap | None = None) -> None:
        super().__init__(network)
        self.teacher = teacher
        self.gamma = 0.0 if teacher else 1.0

    def f(self, x_t: Tensor, t: Time, label: Tensor | None = None) -> Tensor:
        """Data: where the path through `x_t` at `t` ends."""
        return x_t - spread(t, x_t) * self._asked(x_t, t, label)

    def carry(
        self,
        x: Tensor,
        times: Sequence[Time],
        label: Tensor | None = None,
        noise: Noise | None = None,
    ) -> Tensor:
        """Through each of `times`: what stands still stays, what comes to 0 is f."""
        noise = noise or own_noise(x)
        for k, (t, s) in enumerate(pairwise(times)):
            stays = spread(each(t, x) == each(s, x), x).bool()
            if self.teacher and _any_above(s):
                ends = spread(each(s, x), x) == 0
                on = self.teacher.carry(x, _fine(t, s), label)
                moved = torch.where(ends, self.f(x, t, label), on) if bool(ends.any()) else on
            else:
                data = self.f(x, t, label)
                moved = noised(data, s, 1.0, noise(k)) if _any_above(s) else data
            x = torch.where(stays, x, moved)
        return x

    def u(self, x_t: Tensor, t: Time, s: Time, label: Tensor | None = None) -> Tensor:
        """(x_t - f) / t for s = 0, which is the network itself; else only a teacher knows it."""
        if not _any_above(s):
            return self._asked(x_t, t, label)
        return self._taught("no average velocity but that to data").u(x_t, t, s, label)

    def v(self, x_t: Tensor, t: Time, label: Tensor | None = None) -> Tensor:
        """The teacher's: f is no denoiser, so that nothing follows from it."""
        return self._taught("no velocity").v(x_t, t, label)

    def evaluations(self, times: Sequence[Time]) -> int:
        """One for each f; for each stretch that the teacher follows those of the teacher."""
        count = 0
        for t, s in pairwise(times):
            taught = self.teacher is not None and _any_above(s)
            count += self.teacher.evaluations(_fine(t, s)) if taught and self.teacher else 1
        return count

    def _asked(self, x_t: Tensor, t: Time, label: Tensor | None) -> Tensor:
        time = each(t, x_t)
        return self.network(x_t, time, time, label)

    def _taught(self, what: str) -> FlowMap:
        if self.teacher is None:
            raise Unknown(f"A consistency model knows {what}; its teacher may, beside it.")
        return self.teacher


def _any_above(s: Time) -> bool:
    return bool(torch.as_tensor(s).gt(0).any())


def _fine(t: Time, s: Time) -> list[Time]:
    """Even times, close enough for a teacher's solver."""
    gap = float(torch.as_tensor(t - s).abs().max())
    return even(t, s, max(1, math.ceil(TEACHER_STEPS * gap)))
