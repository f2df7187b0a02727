"""Consistency trajectory models: every jump, from a teacher's trajectories."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from engine.contract import specs
from engine.data.batch import Batch
from engine.flow.clock import Time, each, time_of
from engine.flow.flow_map import AverageVelocity
from engine.flow.paths import VE
from engine.flow.randomness import Randomness
from engine.flow.solvers import along, heun
from engine.networks.discriminator import Discriminator
from engine.objectives import pairs, times
from engine.objectives.adversarial import balance, draw_view, hinge, output_weight
from engine.objectives.base import Loss, Models, Objective, Trained, Velocity, squared_error
from engine.objectives.consistency import between
from engine.objectives.derivative import head
from engine.objectives.distances import distance
from engine.objectives.flow_matching import EDM
from engine.objectives.frozen import behind, leaf

STEP = along(VE(), heun)
GAN_BALANCE = (0.01, 10.0)  # the authors' code keeps the discriminator's balance between them


class Places(NamedTuple):
    """Indices (B,) on the falling grid: start <= left <= goal of each sample.

    The teacher goes from start to left; the jumps go from both to goal. The first `rows[k]`
    samples take more than k of the teacher's steps.
    """

    start: Tensor
    left: Tensor
    goal: Tensor
    rows: list[int]


class Ends(NamedTuple):
    """The student's jumps x_s, the same as the start of a graph, and where its jumps on to 0 end.

    `wanted` is where they should end; it carries no gradient.
    """

    x_s: Tensor
    start: Tensor
    found: Tensor
    wanted: Tensor


class Trajectory(Objective):
    """CTM with its three losses (arXiv 2310.02279, sections 3 and 4), on the common clock.

    The paper's jump in VE, G(x, t, s) = s/t x + (1 - s/t) g, is x + (s - t) u here, with
    g = x - t u and the denoiser D = g(x, t, t). Its times are those of Karras, sigma = t / (1 - t).

    Consistency: a jump from t to s is to end, once carried on to 0, where the teacher's way from t
    to u and a jump from u to s end. The target takes both from s to 0: the gradient flows
    through its answer, never to its weights. Denoising: |D - data|^2. Adversary: the ends of the
    jumps against data, both seen alike. The last two are balanced to pull as hard as the first.
    These weights are the whole batch's: with them held, the gradient is a mean over its samples.

    A student that teaches itself can agree with itself about wrong jumps: then consistency pulls at
    nothing, and denoising, which alone knows the data, must not become as weak. There its weight
    never falls.
    """

    grid: Tensor

    def __init__(self, spec: specs.CTM, shape: tuple[int, ...], classes: int = 0) -> None:
        super().__init__()
        self.spec = spec
        falling = time_of(pairs.karras(spec.grid, spec.points)).flip(0)
        grid = torch.cat((falling, torch.zeros(1))).float()
        self.register_buffer("grid", grid, persistent=False)
        self.edm = EDM(specs.EDM(spec.sigma_data, spec.times), shape)
        if spec.lambda_gan:
            self.discriminator = Discriminator(shape, classes if spec.gan_labels else 0)

    def target_decay(self, progress: float) -> float | None:
        """The same at every step."""
        return self.spec.decay or None

    def forward(
        self, models: Models, batch: Batch, randomness: Randomness, progress: float
    ) -> Loss:
        """The weighted sum of the losses.

        Parts, per sample: `error`, the mean square distance of a jump's end from where it should
        be; `error_diagonal`, that of the velocity from noise - data; `solver_steps`; `logit_real`
        and `logit_fake` once the discriminator has set in. `lambda_dm` and `lambda_gan`, one
        number each, are the weights.
        """
        spec, student = self.spec, models.student
        places = self.places(len(batch.data), randomness)
        ends = self.ends(models, batch, places, randomness)
        apart = distance(spec.distance, ends.found - ends.wanted, spec.huber)
        consistency = behind(apart.mean(), ends.start, ends.x_s)
        velocity_error, t = self.denoised(models, batch, randomness)
        weighted = self.edm.weight(t) * velocity_error
        denoising = weighted.mean()
        weight_dm = consistency.new_tensor(spec.lambda_dm)
        if spec.balance_dm:
            least = 1.0 if spec.self_taught else 0.0
            weight_dm = weight_dm * balance(consistency, denoising, output_weight(student), least)
        loss = consistency + weight_dm * denoising
        models.record(distance=apart, distance_v=velocity_error)
        if models.heard:
            share = weight_dm * self.edm.weight(t)
            models.record(weight_v=share, loss=apart + share * velocity_error)
        parts = {
            "error": squared_error(ends.found.detach(), ends.wanted),
            "error_diagonal": velocity_error.detach(),
            "solver_steps": (places.left - places.start).to(loss.dtype),
            "lambda_dm": weight_dm.reshape(1),
        }
        # Both errors are of where the data is thought to be: of D that is t^2 times the velocity's.
        start, goal = (self.grid.to(t)[at] for at in (places.start, places.goal))
        trained = Trained(start, goal, parts["error"])
        trained = trained.and_also(Trained(t, t, t.square() * velocity_error.detach()))
        if self.discriminator is None or progress < spec.gan_from:
            return Loss(loss, parts, trained)
        real, fake, logit = self.judged(self.discriminator, ends, batch, randomness)
        deceiving = behind(-logit.mean(), ends.start, ends.x_s)
        weight_gan = consistency.new_tensor(spec.lambda_gan)
        if spec.balance_gan:
            last = output_weight(student)
            weight_gan = weight_gan * balance(consistency, deceiving, last, *GAN_BALANCE)
        parts |= {
            "lambda_gan": weight_gan.reshape(1),
            "logit_real": real.detach(),
            "logit_fake": fake.detach(),
        }
        if models.heard:
            whole = apart + weight_dm * weighted - weight_gan * logit
            models.record(logit=logit, loss=whole)
        return Loss(loss + weight_gan * deceiving, parts, trained, hinge(real, fake))

    def judged(
        self, discriminator: nn.Module, ends: Ends, batch: Batch, randomness: Randomness
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The logits of data and of the ends for the discriminator, and those for the student.

        All are seen alike: pictures augmented, points as they are.
        """
        data, label = batch
        view = draw_view(self.spec.augmentation, data, randomness).of if data.ndim == 4 else _as_is
        real = discriminator(view(data), label)
        fake = discriminator(view(ends.found.detach()), label)
        # Last, as its pass refines the discriminator's norms after those it is fitted by.
        return real, fake, discriminator(view(ends.found), label)

    def places(self, count: int, randomness: Randomness) -> Places:
        """Where `count` samples start, are left and jump to; all places are drawn evenly.

        The numbers of steps are not drawn but shared out by their law: the samples of a batch are
        exchangeable, so those with the most steps may come first, and then each step has a slice.
        """
        rows = self.rows(count)
        first = torch.arange(count, device=randomness.device)[:, None]
        steps = (first < torch.tensor(rows, device=randomness.device)).sum(dim=1)
        start = _below(self.spec.points - steps, randomness.uniform("start", (count,)))
        left = start + steps
        goal = left + _below(self.spec.points + 1 - left, randomness.uniform("goal", (count,)))
        return Places(start, left, goal, rows)

    def rows(self, count: int) -> list[int]:
        """How many of `count` samples take a first step of the teacher, a second, and so on."""
        most = min(self.spec.max_solver_steps, self.spec.points - 1)
        weighted = self.spec.solver_law == "weighted"
        law = [k if weighted else 1 for k in range(1, most + 1)]
        shares = (sum(law[k:]) / sum(law) for k in range(most))
        return [rows for share in shares if (rows := round(count * share))]

    def ends(self, models: Models, batch: Batch, places: Places, randomness: Randomness) -> Ends:
        """Both ways from t to data; all passes but the teacher's drop the same units."""
        data, label = batch
        t, u, s = (self.grid.to(data)[place] for place in places[:3])
        noise = randomness.normal("noise", data.shape).to(data)
        x_t = between(data, noise, t)
        x_u = self.led(self.teacher(models), x_t, places, label)
        student, target = AverageVelocity(models.student), AverageVelocity(models.target)
        with randomness.shared() as again:
            x_s = student.jump(x_t, t, s, label)
            start = leaf(x_s)
            found = target.jump(start, s, 0.0, label)
            again()
            with torch.no_grad():
                wanted = target.jump(student.jump(x_u, u, s, label), s, 0.0, label)
        models.record(data=data, noise=noise, t=t, u=u, s=s, x_t=x_t, x_u=x_u, x_s=x_s)
        models.record(answer=found, target=wanted)
        return Ends(x_s, start, found, wanted)

    def teacher(self, models: Models) -> Velocity:
        """Whose trajectories are followed."""
        if self.spec.self_taught:
            return lambda x, t, label: models.target(x, t, t, label)
        assert models.teacher is not None
        return models.teacher

    @torch.no_grad()
    def led(self, v: Velocity, x: Tensor, places: Places, label: Tensor | None) -> Tensor:
        """The states where the teacher leaves them, by steps of Heun in VE."""

        def field(y: Tensor, time: Time) -> Tensor:
            return v(y, each(time, y), head(label, len(y)))

        grid = self.grid.to(x)
        for step, rows in enumerate(places.rows):
            here = places.start[:rows] + step
            x = torch.cat((STEP(field, x[:rows], grid[here], grid[here + 1]), x[rows:]))
        return x

    def denoised(
        self, models: Models, batch: Batch, randomness: Randomness
    ) -> tuple[Tensor, Tensor]:
        """|u(x_t, t, t) - (noise - data)|^2 = |D - data|^2 / t^2, its mean square, and t."""
        data, label = batch
        noise = randomness.normal("denoising noise", data.shape).to(data)
        t = self.denoising_times(len(data), randomness).to(data)
        x_t = between(data, noise, t)
        found, v = models.student(x_t, t, t, label), noise - data
        models.record(t_v=t, x_v=x_t, answer_v=found, target_v=v)
        return squared_error(found, v), t

    def denoising_times(self, count: int, randomness: Randomness) -> Tensor:
        """Half from their law, half evenly over the noisy share of the grid, as the authors do."""
        spec, half = self.spec, count // 2
        drawn = times.draw(spec.times, half, randomness, "denoising times")
        place = spec.noisy_share * randomness.uniform("denoising levels", (count - half,))
        most, least = (s ** (1 / spec.grid.rho) for s in (spec.grid.sigma_max, spec.grid.sigma_min))
        return torch.cat((drawn, time_of((most + place * (least - most)) ** spec.grid.rho)))


def _as_is(x: Tensor) -> Tensor:
    return x


def _below(limits: Tensor, uniform: Tensor) -> Tensor:
    """Integers from 0 to before `limits`, from numbers in [0, 1)."""
    return (limits * uniform).long()
