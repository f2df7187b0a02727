"""alphaFlow: from trajectory flow matching to MeanFlow, in shrinking steps."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from engine.contract import specs
from engine.data.batch import Batch
from engine.flow.randomness import Randomness
from engine.objectives import mean_flow, schedules
from engine.objectives.base import Loss, Models, Objective, squared_error
from engine.objectives.derivative import total_derivative
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

        Parts: `error`, `error_diagonal` and `error_jump`, per sample, and `alpha`, one number.
        """
        spec = self.spec
        alpha = schedules.annealed(
            progress, spec.start, spec.end, spec.steepness, spec.clamp, spec.floor
        )
        rows, jumps = draw_rows(spec.times, spec.share_off_diagonal, batch, randomness)

        def target(leading: Rows, again: Again) -> Tensor:
            return self.target(models, leading, alpha)

        with _precision(alpha, batch.data):
            u, found = beside(models.student, rows, jumps, randomness, target)
        error = squared_error(u, torch.cat((found, rows.v[jumps:])))
        weighted = self.weight(error.detach(), alpha, jumps) * error
        named = parts(error, jumps) | {"alpha": error.new_tensor([alpha])}
        return Loss(weighted.mean(), named)

    def target(self, models: Models, rows: Rows, alpha: float) -> Tensor:
        """What u is to be where s < t."""
        if alpha == 0:
            du = total_derivative(models.target, rows.x_t, rows.t, rows.s, rows.v, rows.label)
            return mean_flow.target(rows.v, rows.t, rows.s, du)
        if alpha == 1:
            return rows.v
        return mean_of_parts(models.target, rows, rows.v, alpha, self.spec.clip)

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
