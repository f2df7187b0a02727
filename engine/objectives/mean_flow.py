"""MeanFlow: the average velocity, learned from its own identity."""

import torch
from torch import Tensor

from engine.contract import specs
from engine.data.batch import Batch
from engine.flow.clock import spread
from engine.flow.randomness import Randomness
from engine.objectives import times
from engine.objectives.base import Loss, Models, Objective, Trained, squared_error
from engine.objectives.derivative import with_tangents
from engine.objectives.guidance import guidance_of
from engine.objectives.rows import Again, Rows, beside, mixed, parts
from engine.objectives.weighting import adaptive_weight


class MeanFlow(Objective):
    """Regress u(x, t, s) on v + (s - t) du/dt without gradient (arXiv 2505.13447, eq. 9 to 11).

    du/dt is the derivative along (v, 1, 0) in (x, t, s). It is taken without a gradient and on
    the rows with s < t alone, as it does not count where s = t; the gradient goes through one
    plain pass over all rows. Both passes drop the same units.
    """

    def __init__(self, spec: specs.MeanFlow, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.spec = spec
        self.guidance = guidance_of(spec)

    def forward(
        self, models: Models, batch: Batch, randomness: Randomness, progress: float
    ) -> Loss:
        """The weighted error.

        Parts, per sample: `error` of u, `error_diagonal` and `error_jump` of its rows with s = t
        and s < t, `tangent` the root mean square of du/dt, `tangent_x` and `tangent_t` of its parts
        on some rows, `weight` where it is not 1.
        """
        spec, network, count = self.spec, models.student, len(batch.data)
        noise = randomness.normal("noise", batch.data.shape).to(batch.data)
        t, s, jumps = times.draw_pair(spec.times, spec.share_off_diagonal, count, randomness)
        rows = mixed(batch, noise, t, s)
        rows = rows._replace(v=self.guidance.velocity(network, rows, models.hidden, randomness))
        tangents: dict[str, Tensor] = {}

        def derivative(leading: Rows, again: Again) -> Tensor:
            x_t, t, s, v, label = leading
            _, du, told = with_tangents(network, x_t, t, s, v, label)
            tangents.update(told)
            return du

        u, du = beside(network, rows, jumps, randomness, derivative)
        goal = target(rows.v, rows.t, rows.s, du)
        error = squared_error(u, goal)
        weight = adaptive_weight(
            error.detach(), batch.data[0].numel(), spec.adaptive_power, spec.adaptive_offset
        )
        named = parts(error, jumps) | tangents
        named |= {"weight": weight} if spec.adaptive_power else {}
        trained = Trained(rows.t, rows.s, error.detach())
        loss = weight * error
        models.record(data=batch.data, noise=noise, t=rows.t, s=rows.s, x_t=rows.x_t, v=rows.v)
        models.record(du=du, answer=u, target=goal, distance=error, weight=weight, loss=loss)
        return Loss(loss.mean(), named, trained)


def target(v: Tensor, t: Tensor, s: Tensor, du: Tensor) -> Tensor:
    """What u is to be: v + (s - t) du/dt on the leading rows, where `du` is given, then v."""
    jumps = len(du)
    moved = v[:jumps] + spread(s[:jumps] - t[:jumps], du) * du
    return torch.cat((moved, v[jumps:]))
