"""alphaFlow: from trajectory flow matching to MeanFlow, in shrinking steps."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from engine.contract import specs
from engine.data.batch import Batch
from engine.flow.randomness import Randomness
from engine.objectives import mean_flow, schedules
from engine.objectives.base import Loss, Models, Objective, Trained, squared_error
from engine.objectives.derivative import with_tangents
from engine.objectives.rows import Again, Rows, beside, draw_rows, parts
from engine.objectives.splitting import mean_of_parts
from engine.objectives.weighting import adaptive_weight


class AlphaFlow(Objective):
    """Regress u(x, t, s) on alpha v + (1 - alpha) u(x_q, q, s) (arXiv 2510.20771).

    The first part of the jump, alpha of it, follows the sample's own velocity; the network itself
    is asked for the rest, without gradient. At alpha = 1 this is flow matching along the whole
    jump. With alpha towards 0 the difference divided by alpha tends to MeanFlow's, which takes
    over where alpha is exactly 0.
    """

    def __init__(self, spec: specs.AlphaFlow, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.spec = spec

    def forward(
        self, models: Models, batch: Batch, randomness: Randomness, progress: float
    ) -> Loss:
        """The weighted error.

        Parts: `error`, `error_diagonal` and `error_jump`, per sample, `alpha`, one number, and
        those of `with_tangents` where alpha is 0.
        """
        spec = self.spec
        alpha = schedules.annealed(
            progress, spec.start, spec.end, spec.steepness, spec.clamp, spec.floor
        )
        rows, jumps = draw_rows(spec.times, spec.share_off_diagonal, batch, randomness)
        tangents: dict[str, Tensor] = {}

        def target(leading: Rows, again: Again) -> Tensor:
            goal, told = self.target(models, leading, alpha)
            tangents.update(told)
            return goal

        with _precision(alpha, batch.data):
            u, found = beside(models.student, rows, jumps, randomness, target)
        goal = torch.cat((found, rows.v[jumps:]))
        error = squared_error(u, goal)
        weight = self.weight(error.detach(), alpha, jumps)
        weighted = weight * error
        rows.told(models.record, batch.data)
        models.record(answer=u, target=goal, distance=error, weight=weight, loss=weighted)
        named = parts(error, jumps) | tangents | {"alpha": error.new_tensor([alpha])}
        return Loss(weighted.mean(), named, Trained(rows.t, rows.s, error.detach()))

    def target(self, models: Models, rows: Rows, alpha: float) -> tuple[Tensor, dict[str, Tensor]]:
        """What u is to be where s < t, and what there is to tell of a derivative."""
        if alpha == 0:
            x_t, t, s, v, label = rows
            _, du, told = with_tangents(models.target, x_t, t, s, v, label)
            models.record(du=du)
            return mean_flow.target(v, t, s, du), told
        if alpha == 1:
            return rows.v, {}
        spec = self.spec
        return mean_of_parts(models.target, rows, rows.v, alpha, spec.clip, models.record), {}

    def weight(self, error: Tensor, alpha: float, jumps: int) -> Tensor:
        """alpha^(2 p - 1) / (error + c)^p of the leading rows, 1 / (error + c)^p of the others.

        That is the paper's 1 / alpha at p = 0 and its alpha / (error + c) at p = 1: with alpha
        towards 0 the error falls as alpha^2. At alpha = 0 it is the others' too.
        """
        power = self.spec.adaptive_power
        found = adaptive_weight(error, 1, power, self.spec.adaptive_offset)
        if alpha:
            found[:jumps] *= alpha ** (2 * power - 1)
        return found


def _precision(alpha: float, x: Tensor) -> AbstractContextManager[object]:
    """No autocast where two answers differ by about alpha alone."""
    return torch.autocast(x.device.type, enabled=False) if 0 < alpha < 1 else nullcontext()
