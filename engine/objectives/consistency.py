"""Consistency models, learned from pairs of times: CD, CT, iCT and ECM."""

import torch
from torch import Tensor

from engine.contract import specs
from engine.data.batch import Batch
from engine.flow.clock import each, spread
from engine.flow.flow_map import Network
from engine.flow.paths import VE
from engine.flow.randomness import Randomness
from engine.flow.solvers import along, euler, heun
from engine.objectives import pairs, schedules
from engine.objectives.base import Loss, Models, Objective, Trained, Velocity, squared_error
from engine.objectives.distances import distance

STEPS = {"euler": euler, "heun": along(VE(), heun)}


class Consistency(Objective):
    """Regress f(x_t, t) on f(x_s, s) without gradient, where s < t lie on one trajectory.

    f(x, t) = x - t u(x, t, t) is where the trajectory through x ends. x_s has the noise of x_t
    (CT, arXiv 2303.01469, algorithm 3; iCT, 2310.14189; ECM, 2406.14548), or is one step of a
    teacher away (CD, 2303.01469, algorithm 2). At the lowest s the answer is the VE state itself.
    """

    def __init__(self, spec: specs.ConsistencyMethod, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.spec = spec

    def target_decay(self, progress: float) -> float | None:
        """mu(k) of CT, the fixed decay of CD; iCT and ECM have no average."""
        match self.spec:
            case specs.CD(decay=decay):
                return decay or None
            case specs.CT(first=first, last=last, decay=decay):
                return schedules.growing_decay(progress, first, last, decay)
        return None

    def forward(
        self, models: Models, batch: Batch, randomness: Randomness, progress: float
    ) -> Loss:
        """The weighted distance of the two answers.

        Parts: `error`, their mean square difference, per sample; `steps_of_grid`, `stage` and
        `decay`, one number each where the method has them.
        """
        spec, (data, label) = self.spec, batch
        noise = randomness.normal("noise", data.shape).to(data)
        t, s, gap, known = pairs.draw(spec, data, randomness, progress)
        x_t, x_s = (between(data, noise, time) for time in (t, s))
        if isinstance(spec, specs.CD):
            assert models.teacher is not None
            x_s = taught(models.teacher, spec.solver, x_t, t, s, label)
        with randomness.shared() as again:
            found = endpoint(models.student, x_t, t, label)
            again()
            with torch.no_grad():
                answer = endpoint(models.target, x_s, s, label)
        target = torch.where(spread(known, data).bool(), x_s / (1 - spread(s, data)), answer)
        apart = distance(spec.distance, found - target, spec.huber)
        weighted = apart / gap if spec.weight == "inverse-gap" else apart
        models.record(data=data, noise=noise, t=t, s=s, x_t=x_t, x_s=x_s, answer=found)
        models.record(target=target, distance=apart, loss=weighted)
        if models.heard and spec.weight == "inverse-gap":
            models.record(weight=1 / gap)
        numbers = {k: data.new_full((1,), v) for k, v in self._numbers(progress).items()}
        error = squared_error(found.detach(), target)
        trained = Trained(t, torch.zeros_like(t), error)
        return Loss(weighted.mean(), {"error": error, **numbers}, trained)

    def _numbers(self, progress: float) -> dict[str, float]:
        """What is the same for all samples of a step."""
        spec = self.spec
        if isinstance(spec, specs.ECM):
            return {"stage": schedules.stage(progress, spec.stages)}
        found: dict[str, float] = {"steps_of_grid": pairs.points(spec, progress)}
        if isinstance(spec, specs.ICT):
            found["stage"] = schedules.doubling_stage(progress, spec.first, spec.last)
        decay = self.target_decay(progress)
        return found if decay is None else found | {"decay": decay}


def endpoint(network: Network, x: Tensor, t: Tensor, label: Tensor | None = None) -> Tensor:
    """f(x, t) = x - t u(x, t, t)."""
    return x - spread(t, x) * network(x, t, t, label)


def between(data: Tensor, noise: Tensor, t: Tensor) -> Tensor:
    """x_t = (1 - t) data + t noise."""
    at = spread(t, data)
    return (1 - at) * data + at * noise


@torch.no_grad()
def taught(
    teacher: Velocity, solver: str, x_t: Tensor, t: Tensor, s: Tensor, label: Tensor | None = None
) -> Tensor:
    """x_s, one step of `solver` along the teacher's velocity; Heun's is taken in VE."""
    return STEPS[solver](lambda x, time: teacher(x, each(time, x), label), x_t, t, s)
