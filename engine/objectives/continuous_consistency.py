"""Consistency models in continuous time: sCT and sCD."""

import torch
from torch import Tensor

from engine.contract import specs
from engine.contract.errors import UserError
from engine.data.batch import Batch
from engine.flow.clock import spread
from engine.flow.randomness import Randomness
from engine.objectives import schedules, times
from engine.objectives.base import Loss, Models, Objective, Trained, squared_error
from engine.objectives.derivative import (
    in_parts,
    on_diagonal,
    root_mean_square,
    with_tangents,
)
from engine.objectives.weighting import LearnedWeight


class ContinuousConsistency(Objective):
    """sCT (arXiv 2410.11081, algorithm 1): the end f = x - t u(x, t, t) stands still on its way.

    The paper's clock a has tan a = t / (sigma_data (1 - t)), its state is sigma_data / S times
    ours, S^2 = t^2 + sigma_data^2 (1 - t)^2, and its F is (u - k x) S / sigma_data, with k as in
    the preconditioning. So its loss e^w |F - F' - g|^2 / D - w, where F' is F without gradient
    and g the tangent, is taken on u. Its ln(sigma_data tan a) is our logit t.
    """

    def __init__(
        self,
        spec: specs.ContinuousConsistency | specs.ContinuousDistillation,
        shape: tuple[int, ...],
    ) -> None:
        super().__init__()
        self.spec = spec
        self.log_weight = LearnedWeight() if spec.learned_weight else None

    def forward(
        self, models: Models, batch: Batch, randomness: Randomness, progress: float
    ) -> Loss:
        """The weighted error of F.

        Parts, per sample: `error` of u + t du/dt as a velocity, which is the square of df/dt;
        `tangent` the root mean square of du/dt, `tangent_x` and `tangent_t` of its parts on some
        rows, `tangent_norm` that of g, `weight` e^w where it is learned. One for all: `warm_up`.
        """
        data, label, spec = batch.data, batch.label, self.spec
        noise = randomness.normal("noise", data.shape).to(data)
        t = times.draw(spec.times, len(data), randomness).to(data)
        at = spread(t, data)
        x_t = (1 - at) * data + at * noise
        v = self.velocity(models, x_t, t, label, noise - data)
        student = on_diagonal(in_parts(models.student, len(data)))
        with randomness.shared() as again:
            u = models.student(x_t, t, t, label).to(data.dtype)
            again()
            still, du, tangents = with_tangents(student, x_t, t, t, v, label)
        warm = schedules.warm_up(progress, spec.warm_up)
        g = tangent(v - still, du, at, spec.sigma_data, warm)
        scale = (at.square() + spec.sigma_data**2 * (1 - at).square()).sqrt() / spec.sigma_data
        short = self.shortened(g)
        loss = squared_error(scale * (u - u.detach()), short)
        models.record(data=data, noise=noise, t=t, x_t=x_t, v=v, du=du, answer=u, g=short)
        if models.heard:  # the same loss as one of u
            goal, weight = u.detach() + short / scale, scale.flatten().square()
            models.record(s=0 * t, target=goal, distance=squared_error(u, goal), weight=weight)
        parts = tangents | {
            "error": squared_error(still + at * du, v),
            "tangent_norm": root_mean_square(g),
            "warm_up": t.new_tensor([warm]),
        }
        if self.log_weight is not None:
            w = self.log_weight(t)
            loss = w.exp() * loss - w
            parts["weight"] = w.detach().exp()
            if models.heard:
                models.record(offset=w, weight=w.exp() * weight)
        models.record(loss=loss)
        trained = Trained(t, torch.zeros_like(t), parts["error"])
        return Loss(loss.mean(), parts, trained)

    def velocity(
        self, models: Models, x_t: Tensor, t: Tensor, label: Tensor | None, v: Tensor
    ) -> Tensor:
        """Along what f is to stand still: `v`, the velocity of the sample's own line."""
        return v

    def shortened(self, g: Tensor) -> Tensor:
        """The tangent with its length bounded, as the spec says (section 4.1)."""
        match self.spec.tangent:
            case "normalised":
                return g / (spread(root_mean_square(g), g) + self.spec.tangent_offset)
            case "clipped":
                return g.clamp(-1, 1)
        return g


class ContinuousDistillation(ContinuousConsistency):
    """sCD (arXiv 2410.11081): the same along the trajectories of a teacher."""

    def velocity(
        self, models: Models, x_t: Tensor, t: Tensor, label: Tensor | None, v: Tensor
    ) -> Tensor:
        """The teacher's velocity. Raises UserError where there is no teacher."""
        if models.teacher is None:
            raise UserError("sCD needs a teacher; name one in method.teacher.source.")
        with torch.no_grad():
            return models.teacher(x_t, t, label).to(x_t)


def tangent(gap: Tensor, du: Tensor, t: Tensor, sigma_data: float, warm: float) -> Tensor:
    """g = cos a df/da of the paper's clock, its second part times `warm`.

    `gap` is v - u and `t` broadcasts to it. As da/dt = sigma_data / S^2, cos a =
    sigma_data (1 - t) / S and df/dt = v - u - t du/dt, all of g is (1 - t) S df/dt, which is
    finite on [0, 1] as it stands: the paper's rearrangement of the derivative is not needed. The
    paper's first part, -cos^2 a (sigma_data F - dx/da), is the share sigma_data^2 (1 - t) / S^2
    of v - u; the rest of v - u and du/dt are its second part.
    """
    square = t.square() + sigma_data**2 * (1 - t).square()
    first = sigma_data**2 * (1 - t) / square
    found = first * gap + warm * ((1 - first) * gap - t * du)
    return (1 - t) * square.sqrt() * found
