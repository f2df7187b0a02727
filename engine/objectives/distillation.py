"""Progressive distillation: half the steps, again and again."""

import torch
from torch import Tensor

from engine.contract import specs
from engine.data.batch import Batch
from engine.flow.clock import Time, spread
from engine.flow.randomness import Randomness
from engine.flow.solvers import Field
from engine.objectives.base import Loss, Models, Objective, Trained, squared_error


class PD(Objective):
    """One DDIM step of the student is two of the model before it (arXiv 2202.00512, algorithm 2).

    DDIM is Euler's step on the linear path, so that the network at s = t, which was the velocity
    at t, becomes the average velocity of the step from t. The stages have equal shares of the
    training. In stage i the student takes N = `first_steps` / 2^(i + 1) steps, on the grid
    t = 1/N, 2/N .. 1 of the common clock (the paper's is even in the angle of a VP path). The first
    stage learns from the teacher, each other one from `target`: the student as it was when the
    stage began.
    """

    stage: Tensor  # a buffer: `target` was copied at its beginning, so both go into a checkpoint

    def __init__(self, spec: specs.PD, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.first_steps = spec.first_steps
        self.stages = (spec.first_steps // spec.last_steps).bit_length() - 1
        self.register_buffer("stage", torch.zeros((), dtype=torch.int64))

    def target_decay(self, progress: float) -> float:
        """0 in the first call of a stage but the first, so that the target is copied; else 1."""
        stage = min(int(progress * self.stages), self.stages - 1)
        if stage <= int(self.stage):
            return 1.0
        self.stage.fill_(stage)
        return 0.0

    def forward(
        self, models: Models, batch: Batch, randomness: Randomness, progress: float
    ) -> Loss:
        """The error of D = x - t u, weighed by max(SNR, 1) (the paper's equation 9).

        Parts: `error` of D per sample, unweighted; `stage` and `steps_of_grid`, N.
        """
        (data, label), stage = batch, int(self.stage)
        steps = self.first_steps >> (stage + 1)
        noise = randomness.normal("noise", data.shape).to(data)
        place = randomness.integers("grid", steps, (len(data),)).to(data)
        t, s = (place + 1) / steps, place / steps
        at = spread(t, data)
        x_t = (1 - at) * data + at * noise

        def before(x: Tensor, time: Time) -> Tensor:
            """The model that takes twice as many steps."""
            assert isinstance(time, Tensor)
            if stage or models.teacher is None:
                return models.target(x, time, time, label).to(x)
            return models.teacher(x, time, label).to(x)

        with torch.no_grad():
            goal = two_steps(before, x_t, t, s)
        u = models.student(x_t, t, t, label)
        error = squared_error(u, goal)
        share = weight(t)
        weighted = share * error
        models.record(data=data, noise=noise, t=t, s=s, x_t=x_t, answer=u, target=goal)
        models.record(distance=error, weight=share, loss=weighted)
        parts = {"error": t.square() * error.detach(), **_scalars(error, stage, steps)}
        return Loss(weighted.mean(), parts, Trained(t, s, parts["error"]))


def two_steps(v: Field, x_t: Tensor, t: Time, s: Time) -> Tensor:
    """Average velocity of two equal DDIM steps from `t` to `s`; x_t - t u is the D to learn."""
    middle = (t + s) / 2
    first = v(x_t, t)
    return (first + v(x_t + spread(middle - t, x_t) * first, middle)) / 2


def weight(t: Tensor) -> Tensor:
    """t^2 max(SNR, 1) = max((1 - t)^2, t^2): the weight of D's error, seen by u, D = x - t u."""
    return torch.maximum(1 - t, t).square()


def _scalars(like: Tensor, stage: int, steps: int) -> dict[str, Tensor]:
    """Numbers that hold for the whole batch, (1,) each."""
    return {"stage": like.new_tensor([stage]), "steps_of_grid": like.new_tensor([steps])}
