"""A jump's mean velocity from those of its two parts."""

import torch
from torch import Tensor

from engine.contract import specs
from engine.data.batch import Batch
from engine.flow.clock import spread
from engine.flow.flow_map import Network
from engine.flow.randomness import Randomness
from engine.objectives.base import (
    Loss,
    Models,
    Objective,
    Record,
    Trained,
    squared_error,
    unheard,
)
from engine.objectives.rows import Again, Rows, beside, draw_rows, parts

Share = float | Tensor  # of a jump that its first part takes: one for all rows, or one for each


class PSD(Objective):
    """Regress u(x, t, s) on the mean of its two parts, and on v where s = t.

    The parts are [q, t] and [s, q], asked of the network itself without gradient (arXiv 2505.18825,
    progressive self-distillation; arXiv 2507.16884, interval splitting consistency).
    """

    def __init__(self, spec: specs.PSD, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.spec = spec

    def forward(
        self, models: Models, batch: Batch, randomness: Randomness, progress: float
    ) -> Loss:
        """The mean square error; parts `error`, `error_diagonal`, `error_jump`, per sample."""
        rows, jumps = draw_rows(self.spec.times, self.spec.share_off_diagonal, batch, randomness)
        share: Share = 0.5
        if self.spec.middle == "uniform":
            share = randomness.uniform("middle", (jumps,)).to(rows.t)

        def target(leading: Rows, again: Again) -> Tensor:
            return mean_of_own_parts(models.target, leading, share, again, record=models.record)

        u, found = beside(models.student, rows, jumps, randomness, target)
        goal = torch.cat((found, rows.v[jumps:]))
        error = squared_error(u, goal)
        rows.told(models.record, batch.data)
        models.record(answer=u, target=goal, distance=error, loss=error)
        trained = Trained(rows.t, rows.s, error.detach())
        return Loss(error.mean(), parts(error, jumps), trained)


def mean_of_own_parts(
    network: Network,
    rows: Rows,
    share: Share,
    again: Again,
    clip: float = 0.0,
    record: Record = unheard,
) -> Tensor:
    """The mean of both parts of each jump, both asked of the network."""
    first = rows._replace(s=middle(rows, share)).asked(network).to(rows.x_t)
    again()
    return mean_of_parts(network, rows, first, share, clip, record)


def mean_of_parts(
    network: Network,
    rows: Rows,
    first: Tensor,
    share: Share,
    clip: float = 0.0,
    record: Record = unheard,
) -> Tensor:
    """share first + (1 - share) u(x_q, q, s), where x_q = x + (q - t) first.

    `first` is the mean velocity over [q, t] and the network is asked for that over [s, q]. With
    `clip`, x_q and the mean stay within plus and minus that.
    """
    x_t = rows.x_t
    q, weight = middle(rows, share), spread(share, x_t)
    x_q = within(x_t + spread(q - rows.t, x_t) * first, clip)
    second = rows._replace(x_t=x_q, t=q).asked(network).to(x_t)
    record(first=first, x_q=x_q, second=second, q=q)
    return within(weight * first + (1 - weight) * second, clip)


def middle(rows: Rows, share: Share) -> Tensor:
    """The time q where the first part ends, `share` of the way from t to s."""
    return rows.t + share * (rows.s - rows.t)


def within(x: Tensor, clip: float) -> Tensor:
    """`x` kept within plus and minus `clip`, where that is not 0."""
    return x.clamp(-clip, clip) if clip else x
