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
from engine.objectives.base import Loss, Models, Objective, Record, Trained, squared_error, unheard
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
        found, tangent = [], {}
        if jumps:
            end = end_met(models, rows.between(0, jumps), randomness)
            found.append(end.met)
            tangent["tangent"] = root_mean_square(end.tangent)
            models.record(x_s=end.x_s, du=end.tangent)
        if jumps < len(rows.t):
            found.append(velocity_met(models, rows.between(jumps, len(rows.t))))
        answer, target = map(torch.cat, zip(*found, strict=True))
        error = squared_error(answer, target)
        rows.told(models.record, batch.data)
        models.record(answer=answer, target=target, distance=error)
        trained = Trained(rows.t, rows.s, error.detach())
        loss = self.weighted(error, rows, jumps, models.record)
        return Loss(loss.mean(), parts(error, jumps) | tangent, trained)

    def weighted(self, error: Tensor, rows: Rows, jumps: int, record: Record = unheard) -> Tensor:
        """e^w error - w of each row, with w a function of its times; the error itself without w.

        Unlike a weight of each sample's own, one of the times alone moves no minimum.
        """
        if not self.log_weights:
            record(loss=error)
            return error
        diagonal, start, end = self.log_weights
        jumping = start(rows.t[:jumps]) + end(rows.s[:jumps])
        w = torch.cat((jumping, diagonal(rows.t[jumps:])))
        weight = w.exp()
        loss = weight * error - w
        record(weight=weight, offset=w, loss=loss)
        return loss


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
        jumping, standing = mixed(batch, noise, t, s), mixed(batch, noise, other, other)
        end, velocity = end_met(models, jumping, randomness), velocity_met(models, standing)
        jump, diagonal = squared_error(*end.met), squared_error(*velocity)
        error = jump + diagonal
        jumping.told(models.record, batch.data)
        models.record(x_s=end.x_s, du=end.tangent, answer=end.met.answer, target=end.met.target)
        models.record(t_v=standing.t, x_v=standing.x_t, distance=jump, distance_v=diagonal)
        models.record(answer_v=velocity.answer, target_v=velocity.target, loss=error)
        named = {"error": error, "error_jump": jump, "error_diagonal": diagonal}
        jumped = Trained(jumping.t, jumping.s, jump.detach())
        stood = Trained(standing.t, standing.s, diagonal.detach())
        told = {k: v.detach() for k, v in named.items()}
        told["tangent"] = root_mean_square(end.tangent)
        return Loss(error.mean(), told, jumped.and_also(stood))


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


class Met(NamedTuple):
    """An answer of the student, and what it is to be."""

    answer: Tensor
    target: Tensor


class EndMet(NamedTuple):
    """dX/ds and the u(X, s, s) that it is to be; X and du/ds, which carry no gradient."""

    met: Met
    x_s: Tensor
    tangent: Tensor


def end_met(models: Models, rows: Rows, randomness: Randomness) -> EndMet:
    """The ends of jumps, and the velocity there.

    u(X, s, s) is the target's and carries no gradient; both passes drop the same units.
    """
    with randomness.shared() as again:
        end = end_of(models.student, rows)
        again()
        with torch.no_grad(), torch.autocast(rows.x_t.device.type, enabled=False):
            velocity = models.target(end.x_s, rows.s, rows.s, rows.label)
    return EndMet(Met(end.speed, velocity), end.x_s.detach(), end.tangent.detach())


def velocity_met(models: Models, rows: Rows) -> Met:
    """u(x, t, t) and v of each row."""
    return Met(rows.asked(models.student), rows.v)


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
