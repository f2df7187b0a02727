"""What an objective is."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from engine.data.batch import Batch
from engine.flow.flow_map import Network
from engine.flow.randomness import Randomness
from engine.objectives.pool import Pool

Velocity = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""v(x_t, t, label) on the common clock, t of shape (B,)."""


class Record(Protocol):
    """Is told the terms of a step by name, each (B,) or [B, ...], where someone looks at it.

    Every method tells `data`, `noise`, `t`, `s`, `x_t`, the network's `answer`, its `target`, how
    far they lie apart (`distance`), the `weight` of that where it is not 1, and the `loss`, whose
    mean is the loss of the batch: weight times distance, less `offset` where a weight is learned.
    The rest is each method's own (`docs/adding-a-method.md`), as where it has two losses; a term of
    the leading rows alone is shorter.
    """

    def __call__(self, **terms: Tensor) -> None:
        """Take some of the terms."""


def unheard(**terms: Tensor) -> None:
    """Nobody looks."""


class Models(NamedTuple):
    """What an objective may ask; each network is u(x_t, t, s, label) on the common clock.

    `student` is fitted. `target` is its moving average, where the objective wants one, else the
    student itself; no gradient may pass through it. `teacher` is the velocity to learn from, and
    `pool` holds trajectories of its ODE, where the objective wants them. `record` is told what the
    objective makes of the answers.
    """

    student: Network
    target: Network
    teacher: Velocity | None = None
    hidden: int | None = None
    pool: Pool | None = None
    record: Record = unheard

    @property
    def heard(self) -> bool:
        """Whether someone looks: what is computed to be told alone is to be left out else."""
        return self.record is not unheard


def alone(network: Network, teacher: Velocity | None = None) -> Models:
    """A student that is its own target."""
    return Models(network, network, teacher)


class Trained(NamedTuple):
    """Where on (t, s) samples were trained and how wrong they were there; (n,) each, no gradient.

    `t` and `s` are the times of the answer that was fitted, on the common clock: s = t for a
    velocity, s = 0 for the end of a trajectory. `error` is the mean square error of the regression
    as the method has it, before any weight. A sample that was trained twice is there twice.
    """

    t: Tensor
    s: Tensor
    error: Tensor

    def and_also(self, other: "Trained") -> "Trained":
        """These samples, and those of a second loss."""
        return Trained(*(torch.cat(both) for both in zip(self, other, strict=True)))


class Loss(NamedTuple):
    """A scalar to minimise, and its named parts, one value per sample that has the part.

    `trained` says where the samples stood. `adversary` is what the objective's own discriminator
    minimises, with a graph of its own.
    """

    loss: Tensor
    parts: dict[str, Tensor]
    trained: Trained
    adversary: Tensor | None = None


class Objective(nn.Module):
    """A training target: called once a step; `progress` runs from 0 to 1 over the training.

    It is built from its method's spec and the shape of a sample. Weights that it owns (a learned
    weighting, a discriminator) are fitted and saved with the network.
    """

    discriminator: nn.Module | None
    wants_pool: bool = False

    def __init__(self) -> None:
        super().__init__()
        self.discriminator = None  # not on the class, where it would hide the module set later

    def target_decay(self, progress: float) -> float | None:
        """Share of itself that the target keeps at this step; None: the target is the student."""
        return None

    def forward(
        self, models: Models, batch: Batch, randomness: Randomness, progress: float
    ) -> Loss:
        """The loss of one batch."""
        raise NotImplementedError


def squared_error(found: Tensor, target: Tensor) -> Tensor:
    """Mean square error over all dimensions but the first, (B,), in float32 or better."""
    return (found.to(target.dtype) - target).square().flatten(1).mean(dim=1)
