"""Lagrangian methods: the end of a jump moves with s as the velocity there says."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from engine.contract import specs
from engine.data.batch import Batch
from engine.flow.clock import spread
from engine.flow.flow_map import Network
from engine.flow.randomness import Randomness
from engine.objectives import times
from engine.objectives.base import Loss, Models, Objective, squared_error
from engine.objectives.derivative import root_mean_square
from engine.objectives.rows import Rows, draw_rows, mixed, parts
from engine.objectives.weighting import LearnedWeight


class LSD(Objective):
    """Regress dX/ds at the end X of a jump on u(X, s, s), and u on v where s = t.

    Lagrangian self-distillation (arXiv 2505.18825).
    """

    def __init__(self, spec: specs.LSD, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.spec = spec
        count = 3 if spec.learned_weight else 0  # of t on the diagonal, of t and of s elsewhere
        self.log_weights = nn.ModuleList(LearnedWeight() for _ in range(count))

    def forward(
        self, models: Models, batch: Batch, randomness: Randomness, progress: float
    ) -> Loss:
        """The mean square error, each row's by the learned weight where there is one.

        Parts, per sample: `error`, `error_diagonal`, `error_jump`, and `tangent`, the root mean
        square of du/ds.
        """
        rows, jumps = draw_rows(self.spec.times, self.spec.share_off_diagonal, batch, randomness)
        errors, tangent = [], {}
        if jumps:
            error, tangent["tangent"] = end_error(models, rows.between(0, jumps), randomness)
            errors.append(error)
        if jumps < len(rows.t):
            errors.append(velocity_error(models, rows.between(jumps, len(rows.t))))
        error = torch.cat(errors)
        return Loss(self.weighted(error, rows, jumps).mean(), parts(error, jumps) | tangent)

    def weighted(self, error: Tensor, rows: Rows, jumps: int) -> Tensor:
        """e^w error - w of each row, with w a function of its times; the error itself without w.

        Unlike a weight of each sample's own, one of the times alone moves no minimum.
        """
        if not self.log_weights:
            return error
        diagonal, start, end = self.log_weights
        jumping = start(rows.t[:jumps]) + end(rows.s[:jumps])
        w = torch.cat((jumping, diagonal(rows.t[jumps:])))
        return w.exp() * error - w


class TVM(Objective):
    """The error of LSD's jumps and that of the velocity at a third time, on every row.

    Terminal velocity matching (arXiv 2511.19797): the velocity at the end of a jump is asked of a
    moving average, and the jumps' lengths are drawn before their ends.
    """

    def __init__(self, spec: specs.TVM, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.spec = spec

    def target_decay(self, progress: float) -> float | None:
        """That of the spec."""
        return self.spec.decay or None

    def forward(
        self, models: Models, batch: Batch, randomness: Randomness, progress: float
    ) -> Loss:
        """The mean of both errors' sum.

        Parts, per sample: `error_jump`, `error_diagonal`, their sum `error`, and `tangent`, the
        root mean square of du/ds.
        """
        count = len(batch.data)
        noise = randomness.normal("noise", batch.data.shape).to(batch.data)
        t, s = draw_gaps(self.spec.times, self.spec.gap, count, randomness)
        other = times.draw(self.spec.times, count, randomness, "diagonal times")
        jump, tangent = end_error(models, mixed(batch, noise, t, s), randomness)
        diagonal = velocity_error(models, mixed(batch, noise, other, other))
        error = jump + diagonal
        named = {"error": error, "error_jump": jump, "error_diagonal": diagonal}
        return Loss(error.mean(), {k: v.detach() for k, v in named.items()} | {"tangent": tangent})


class End(NamedTuple):
    """Where jumps lead, X = x_t + (s - t) u, and how that moves with s: dX/ds and du/ds."""

    x_s: Tensor
    speed: Tensor
    tangent: Tensor


def end_of(network: Network, rows: Rows) -> End:
    """The ends of jumps, with their derivatives by s; a gradient flows through all three.

    dX/ds = u + (s - t) du/ds. The derivative is taken in forward mode, of one number for each row,
    and autocast is off inside: a tangent in bfloat16 is off by some percent.
    """
    x_t, t, s, _, label = rows

    def moved(to: Tensor) -> Tensor:
        return network(x_t, t, to, label)

    # Not by plain dual numbers: their softmax overwrites what the way back through it needs.
    with torch.autocast(x_t.device.type, enabled=False):
        u, tangent = torch.func.jvp(moved, (s,), (torch.ones_like(s),))[:2]
    gap = spread(s - t, x_t)
    return End(x_t + gap * u, u + gap * tangent, tangent)


def end_error(models: Models, rows: Rows, randomness: Randomness) -> tuple[Tensor, Tensor]:
    """|dX/ds - u(X, s, s)|^2 per row, and the root mean square of du/ds without gradient.

    u(X, s, s) is the target's and carries no gradient; both passes drop the same units.
    """
    with randomness.shared() as again:
        end = end_of(models.student, rows)
        again()
        with torch.no_grad(), torch.autocast(rows.x_t.device.type, enabled=False):
            velocity = models.target(end.x_s, rows.s, rows.s, rows.label)
    error = squared_error(end.speed, velocity)
    return error, root_mean_square(end.tangent.detach())


def velocity_error(models: Models, rows: Rows) -> Tensor:
    """|u(x, t, t) - v|^2 per row."""
    return squared_error(rows.asked(models.student), rows.v)


def draw_gaps(
    ends: specs.Times, gaps: specs.Times, count: int, randomness: Randomness
) -> tuple[Tensor, Tensor]:
    """Times t and s: t - s by the law `gaps`, s by the law `ends` as far as it keeps t below 1."""
    gap = times.draw(gaps, count, randomness, "gaps")
    place = randomness.uniform("times", (count,))
    if ends.law == "uniform":
        s = place * (1 - gap)
    else:
        # The logit of s is normal below that of 1 - gap: draw the share of the law below it.
        most = (-torch.logit(gap) - ends.mean) / ends.spread
        below = place * (1 + torch.erf(most / math.sqrt(2))) / 2
        s = torch.sigmoid(ends.mean + ends.spread * math.sqrt(2) * torch.erfinv(2 * below - 1))
    return (s + gap).clamp(max=1), s
