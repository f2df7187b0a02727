"""Models that know steps on a grid, and jumps composed of them."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from engine.contract.catalogue import Grid
from engine.contract.legality import GRID, is_step, ladder
from engine.flow.base import FlowMap, Network, Unknown
from engine.flow.clock import Time, each, spread
from engine.flow.renoise import Noise


class Dyadic(FlowMap):
    """The network is u(x, t, t - d) for d = 1 / 2^k, t a multiple of d (arXiv 2410.12557).

    A jump goes by the largest of these steps that lie within. Off the `grid` and towards noise the
    network is asked all the same, and what it says was never learned.
    """

    capability = "dyadic"

    def __init__(self, network: Network, grid: Grid = GRID) -> None:
        super().__init__(network)
        self.grid = grid

    def carry(
        self,
        x: Tensor,
        times: Sequence[Time],
        label: Tensor | None = None,
        noise: Noise | None = None,
    ) -> Tensor:
        """One evaluation for each learned step; samples with the same times go together."""
        for start, end in pairwise(times):
            x = self._hop(x, each(start, x), each(end, x), label)
        return x

    def times(self, t: Time, s: Time, steps: int) -> list[Time]:
        """The learned steps themselves, none longer than (t - s) / steps, for one `t` and `s`."""
        if isinstance(t, Tensor) or isinstance(s, Tensor):
            return super().times(t, s, steps)
        return [*ladder(t, s, steps, self.grid)]

    def u(self, x_t: Tensor, t: Time, s: Time, label: Tensor | None = None) -> Tensor:
        """The network, for one learned step; Unknown for any other, and v at s = t."""
        start, end = each(t, x_t), each(s, x_t)
        if bool((start == end).all()):
            return self.v(x_t, t, label)
        for pair, _ in _groups(start, end):
            if not is_step(*pair, self.grid):
                raise Unknown(
                    "A dyadic model knows the steps of 1 / 2^k from their own multiples, down to "
                    f"1 / {self.grid.parts}; {pair[0]:.4g} to {pair[1]:.4g} is none of them."
                )
        return self._asked(x_t, start, end, label)

    def v(self, x_t: Tensor, t: Time, label: Tensor | None = None) -> Tensor:
        """u of the smallest step down from `t`, which is fitted to the velocity."""
        return self.u(x_t, t, each(t, x_t) - 1 / self.grid.parts, label)

    def evaluations(self, times: Sequence[Time]) -> int:
        """One for each learned step; of samples with their own times those of the dearest."""
        return sum(
            max(len(ladder(*pair, 1, self.grid)) - 1 for pair, _ in _groups(*map(_flat, hop)))
            for hop in pairwise(times)
        )

    def _hop(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
        moved = x.clone()
        for pair, rows in _groups(t, s):
            own = None if label is None else label[rows]
            moved[rows] = self._climb(x[rows], ladder(*pair, 1, self.grid), own)
        return moved

    def _climb(self, x: Tensor, rungs: Sequence[float], label: Tensor | None) -> Tensor:
        for t, s in pairwise(rungs):
            x = x + spread(s - t, x) * self._asked(x, each(t, x), each(s, x), label)
        return x

    def _asked(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
        return self.network(x, t, s, label)


class Distilled(Dyadic):
    """Progressive distillation (arXiv 2202.00512): one length of step, the network asked at s = t.

    It stands for a denoiser whose DDIM step of 1 / `grid.parts` is right, so that no velocity
    follows from it.
    """

    def v(self, x_t: Tensor, t: Time, label: Tensor | None = None) -> Tensor:
        """It knows none."""
        raise Unknown("A model of progressive distillation knows its steps, but no velocity.")

    def _asked(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
        return self.network(x, t, t, label)


def _flat(t: Time) -> Tensor:
    return torch.as_tensor(t, dtype=torch.float64).reshape(-1)


def _groups(t: Tensor, s: Tensor) -> Iterator[tuple[tuple[float, float], Tensor]]:
    """Each pair (t, s) that occurs, and the rows where it does."""
    pairs = torch.stack(torch.broadcast_tensors(t, s), 1)
    found, place = pairs.unique(dim=0, return_inverse=True)
    for k, (start, end) in enumerate(found.tolist()):
        yield (start, end), (place == k).nonzero().squeeze(1)
