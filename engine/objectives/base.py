"""What an objective is."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor, nn

from engine.data.batch import Batch
from engine.flow.flow_map import Network
from engine.flow.randomness import Randomness
from engine.objectives.pool import Pool

Velocity = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""v(x_t, t, label) on the common clock, t of shape (B,)."""


class Models(NamedTuple):
    """What an objective may ask; each network is u(x_t, t, s, label) on the common clock.

    `student` is fitted. `target` is its moving average, where the objective wants one, else the
    student itself; no gradient may pass through it. `teacher` is the velocity to learn from, and
    `pool` holds trajectories of its ODE, where the objective wants them.
    """

    student: Network
    target: Network
    teacher: Velocity | None = None
    hidden: int | None = None
    pool: Pool | None = None


def alone(network: Network, teacher: Velocity | None = None) -> Models:
    """A student that is its own target."""
    return Models(network, network, teacher)


class Loss(NamedTuple):
    """A scalar to minimise, and its named parts, one value per sample that has the part.

    `adversary` is what the objective's own discriminator minimises, with a graph of its own.
    """

    loss: Tensor
    parts: dict[str, Tensor]
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
