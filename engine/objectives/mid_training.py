"""Consistency mid-training: a teacher's trajectories first, then the method that tunes."""

import torch
from torch import Tensor

from engine.contract import specs
from engine.data.batch import Batch
from engine.flow.clock import spread
from engine.flow.randomness import Randomness
from engine.objectives.base import Loss, Models, Objective, Trained, squared_error
from engine.objectives.consistency import Consistency, endpoint
from engine.objectives.distances import distance
from engine.objectives.mean_flow import MeanFlow
from engine.objectives.pool import Drawn


class CMT(Objective):
    """Regress on the teacher's trajectories, from `mid_share` of the training on do as `post` does.

    What is regressed is what `post` tunes: before ECM the end point f(x_t, t) = x - t u(x, t, t)
    on the trajectory's end (arXiv 2509.24526, section 3), before MeanFlow the average velocity
    u(x_t, t, s) on (x_t - x_s) / (t - s). Both targets are fixed: nothing is learned from the
    student itself. As many trajectories are drawn as make a batch with all their states, so that
    the batch's data is not used.
    """

    def __init__(self, spec: specs.CMT, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.spec, self.wants_pool = spec, spec.mid_share > 0
        kind = MeanFlow if isinstance(spec.post, specs.MeanFlow) else Consistency
        self.post: Objective = kind(spec.post, shape)  # type: ignore[arg-type]

    def target_decay(self, progress: float) -> float | None:
        """That of the method that tunes."""
        return self.post.target_decay(self._tuned(progress))

    def forward(
        self, models: Models, batch: Batch, randomness: Randomness, progress: float
    ) -> Loss:
        """The distance from the trajectories, `error` its mean square; later the loss of `post`."""
        if progress >= self.spec.mid_share:
            found: Loss = self.post(models, batch, randomness, self._tuned(progress))
            return found
        assert models.pool is not None
        count = max(1, len(batch.data) // self.spec.trajectories.steps)
        states, times, label = models.pool.draw(count, randomness)
        drawn = Drawn(states.to(batch.data), times.to(batch.data), label)
        if isinstance(self.post, MeanFlow):
            return self._slopes(models, drawn, randomness)
        return self._ends(models, drawn)

    def _tuned(self, progress: float) -> float:
        """The progress of the method that tunes."""
        share = self.spec.mid_share
        return max(0.0, progress - share) / (1 - share) if share < 1 else 0.0

    def _ends(self, models: Models, drawn: Drawn) -> Loss:
        x_t, t, label = starts(drawn)
        end = drawn.states[-1].repeat(len(drawn.times) - 1, *[1] * (x_t.ndim - 1))
        found = endpoint(models.student, x_t, t, label)
        apart = distance(self.spec.distance, found - end, self.spec.huber)
        error, zero = squared_error(found.detach(), end), torch.zeros_like(t)
        models.record(x_t=x_t, t=t, s=zero, answer=found, target=end)
        self._tell(models, drawn, apart)
        return Loss(apart.mean(), {"error": error}, Trained(t, zero, error))

    def _slopes(self, models: Models, drawn: Drawn, randomness: Randomness) -> Loss:
        x_t, t, label = starts(drawn)
        x_s, s = later(drawn, randomness)
        slope = (x_t - x_s) / spread(t - s, x_t)
        u = models.student(x_t, t, s, label).to(slope.dtype)
        difference = u - slope
        apart = distance(self.spec.distance, difference, self.spec.huber)
        error = difference.detach().square().flatten(1).mean(dim=1)
        models.record(x_t=x_t, x_s=x_s, t=t, s=s, answer=u, target=slope)
        self._tell(models, drawn, apart)
        return Loss(apart.mean(), {"error": error}, Trained(t, s, error))

    def _tell(self, models: Models, drawn: Drawn, apart: Tensor) -> None:
        models.record(distance=apart, loss=apart)
        if models.heard:
            models.record(**ends_of(drawn))


def starts(drawn: Drawn) -> tuple[Tensor, Tensor, Tensor | None]:
    """Every state but the end, [k - 1 times B, ...] trajectory by trajectory at each time."""
    states, times, label = drawn
    steps, count = len(times) - 1, states.shape[1]
    here = None if label is None else label.repeat(steps)
    return states[:-1].flatten(0, 1), times[:-1].repeat_interleave(count), here


def ends_of(drawn: Drawn) -> dict[str, Tensor]:
    """The noise and the data of each of `starts`: both ends of its trajectory."""
    steps, more = len(drawn.times) - 1, [1] * (drawn.states.ndim - 2)
    noise, data = (drawn.states[end].repeat(steps, *more) for end in (0, -1))
    return {"noise": noise, "data": data}


def later(drawn: Drawn, randomness: Randomness) -> tuple[Tensor, Tensor]:
    """For each of `starts` a state nearer to the data, each as likely as another, and its time."""
    states, times, _ = drawn
    steps, count = len(times) - 1, states.shape[1]
    here = torch.arange(steps, device=times.device).repeat_interleave(count)
    chosen = randomness.uniform("later", (count, steps)).T.flatten().to(times.device)
    there = here + 1 + (chosen * (steps - here)).long().clamp(max=steps - 1)
    rows = torch.arange(count, device=times.device).repeat(steps)
    return states[there, rows], times[there]
