"""Improved MeanFlow: the derivative follows the model's own velocity, guidance is a condition."""

import math
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor

from engine.contract import specs
from engine.data.batch import Batch
from engine.flow.clock import spread
from engine.flow.flow_map import Network
from engine.flow.guidance import carrying
from engine.flow.randomness import Randomness
from engine.objectives import times
from engine.objectives.base import Loss, Models, Objective, Trained, squared_error
from engine.objectives.derivative import in_parts, with_tangents
from engine.objectives.guidance import draw_guidance, strength
from engine.objectives.mean_flow import target
from engine.objectives.rows import Again, Rows, mixed, parts
from engine.objectives.weighting import adaptive_weight


@runtime_checkable
class TwoHeaded(Protocol):
    """A network with an auxiliary velocity head."""

    heads: Network


class Field(NamedTuple):
    """The velocity `v` that rows regress on, and the one `along` which the leading ones move."""

    v: Tensor
    along: Tensor


class ImprovedMeanFlow(Objective):
    """Regress V = u + (t - s) du/dt on v, the derivative along the model's own velocity.

    (arXiv 2512.02012.) V - v is u less MeanFlow's target and du/dt carries no gradient. The model's
    own velocity does not scatter with the noise of a single sample, as v does. It is that of the
    auxiliary head at s = t, which learns v on all rows by a loss of its own; or, in the boundary
    variant, u(x, t, t), which the rows with s = t teach.

    Guided with the strength omega, v + (1 - 1 / omega) (v_c - v_h) takes the place of v, of the
    model's own velocities under the label and the hidden one. Where guidance is chosen when
    sampling, each row has an omega and an interval of its own, of which the network is told. The
    velocities v_c and v_h are asked without an interval, v_c with the omega that holds at t and
    v_h with 1. A hidden label is not guided.
    """

    def __init__(self, spec: specs.ImprovedMeanFlow, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.spec, self.size = spec, math.prod(shape)

    def forward(
        self, models: Models, batch: Batch, randomness: Randomness, progress: float
    ) -> Loss:
        """The weighted error of u, and that of the auxiliary head.

        Parts, per sample: `error` of u, `error_diagonal` and `error_jump` of its rows with s = t
        and s < t, `error_velocity` of the auxiliary head, `tangent` the root mean square of du/dt,
        `tangent_x` and `tangent_t` of its parts on some rows, `weight` of u's where it is not 1.
        """
        spec, network, count = self.spec, models.student, len(batch.data)
        noise = randomness.normal("noise", batch.data.shape).to(batch.data)
        t, s, jumps = times.draw_pair(spec.times, spec.share_off_diagonal, count, randomness)
        rows = mixed(batch, noise, t, s)
        guidance = draw_guidance(spec, rows, jumps, randomness)
        asked = self.told(rows, guidance)
        with randomness.shared() as again:
            found = self.answers(network, asked, jumps)
            with torch.no_grad():
                v, along = self.field(models, rows, guidance, jumps, again)
                again()
                x_t, t, s, _, label = asked.between(0, jumps)
                _, du, named = with_tangents(network, x_t, t, s, along, label)
        goal = target(v, rows.t, rows.s, du)
        error = squared_error(found[:, 0], goal)
        weight = self.weight(error)
        loss = weight * error
        named |= parts(error, jumps) | ({"weight": weight} if spec.adaptive_power else {})
        if found.shape[1] > 1:
            velocity = squared_error(found[:, 1], v)
            other = self.weight(velocity)
            loss = loss + other * velocity
            named["error_velocity"] = velocity.detach()
            models.record(answer_v=found[:, 1], distance_v=velocity, weight_v=other)
        models.record(data=batch.data, noise=noise, t=rows.t, s=rows.s, x_t=rows.x_t, v=v)
        models.record(along=along, du=du, answer=found[:, 0], target=goal)
        models.record(distance=error, weight=weight, loss=loss)
        return Loss(loss.mean(), named, Trained(rows.t, rows.s, error.detach()))

    def answers(self, network: Network, rows: Rows, first: int) -> Tensor:
        """u and, by the auxiliary head, v: [B, 1 or 2, ...]; at s = t the last is a velocity."""
        if self.spec.velocity_head == "boundary":
            return rows.asked(in_parts(network, first))[:, None]
        assert isinstance(network, TwoHeaded)
        return rows.asked(in_parts(network.heads, first))

    def field(
        self, models: Models, rows: Rows, guidance: Tensor | None, jumps: int, again: Again
    ) -> Field:
        """The guided velocities. All passes drop the same units, each after `again`."""

        def own(rows: Rows) -> Tensor:
            again()
            found = self.answers(models.student, rows._replace(s=rows.t), jumps)
            return found[:, -1].to(rows.v)

        if guidance is None:
            return Field(rows.v, own(rows.between(0, jumps)) if jumps else rows.v[:0])
        omega = strength(guidance, rows, models.hidden)
        always = torch.stack((omega, torch.zeros_like(omega), torch.ones_like(omega)), dim=1)
        known = own(self.told(rows, always))
        difference = known - own(rows._replace(label=None))
        return Field(rows.v + spread(1 - 1 / omega, rows.v) * difference, known[:jumps])

    def told(self, rows: Rows, guidance: Tensor | None) -> Rows:
        """The rows as the network is asked about them."""
        if self.spec.guidance == "fixed" or rows.label is None or guidance is None:
            return rows
        return rows._replace(label=carrying(rows.label, guidance))

    def weight(self, error: Tensor) -> Tensor:
        """Of each row's error."""
        spec, size = self.spec, self.size
        return adaptive_weight(error.detach(), size, spec.adaptive_power, spec.adaptive_offset)
