"""Shortcut models: steps of halving length, each learned from two of half its length."""

import torch
from torch import Tensor

from engine.contract import specs
from engine.data.batch import Batch
from engine.flow.randomness import Randomness
from engine.objectives.base import Loss, Models, Objective, Trained, squared_error
from engine.objectives.rows import Again, Rows, beside, mixed, parts
from engine.objectives.splitting import mean_of_own_parts


class Shortcut(Objective):
    """Regress u(x, t, t - d) on its two halves, and at the smallest d on v.

    Shortcut models (arXiv 2410.12557, eq. 5). The paper's time runs from noise to data, so that its
    step d leads from our t to t - d. Steps are 1 / 2^k long and begin at their own multiples; the
    moving average makes the targets.
    """

    def __init__(self, spec: specs.Shortcut, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.spec = spec

    def target_decay(self, progress: float) -> float | None:
        """That of the spec."""
        return self.spec.decay or None

    def forward(
        self, models: Models, batch: Batch, randomness: Randomness, progress: float
    ) -> Loss:
        """The mean square error.

        Parts, per sample: `error`, `error_diagonal` of the smallest steps, which are fitted to v,
        `error_jump` of the others and `step_size`, their length d.
        """
        count, clip = len(batch.data), self.spec.clip
        jumps = round(self.spec.share_of_shortcuts * count)
        t, s = draw_steps(self.spec.halvings, jumps, count, randomness)
        noise = randomness.normal("noise", batch.data.shape).to(batch.data)
        rows = mixed(batch, noise, t, s)

        def target(leading: Rows, again: Again) -> Tensor:
            return mean_of_own_parts(models.target, leading, 0.5, again, clip, models.record)

        u, found = beside(models.student, rows, jumps, randomness, target)
        goal = torch.cat((found, rows.v[jumps:]))
        error = squared_error(u, goal)
        rows.told(models.record, batch.data)
        models.record(answer=u, target=goal, distance=error, loss=error)
        length = {"step_size": (rows.t - rows.s)[:jumps]} if jumps else {}
        trained = Trained(rows.t, rows.s, error.detach())
        return Loss(error.mean(), parts(error, jumps) | length, trained)


def draw_steps(
    halvings: int, jumps: int, count: int, randomness: Randomness
) -> tuple[Tensor, Tensor]:
    """Ends t and s = t - d of steps on the grid: t is a multiple of d = 1 / 2^k, above 0.

    The leading `jumps` are longer than the smallest step, k < halvings, each k as often as the
    other; the rest are the smallest, k = halvings.
    """
    k = randomness.integers("halvings", halvings, (jumps,))
    divisions = 2.0 ** torch.cat((k, k.new_full((count - jumps,), halvings)))
    place = (randomness.uniform("times", (count,)) * divisions).floor()
    return (place + 1) / divisions, place / divisions
