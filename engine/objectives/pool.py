"""What an objective needs of a pool of a teacher's trajectories."""

from typing import NamedTuple, Protocol

from torch import Tensor

from engine.flow.randomness import Randomness


class Drawn(NamedTuple):
    """Trajectories of the teacher's ODE, from noise at t = 1 to its end at t = 0.

    `states` [k, B, ...] and `times` [k] are on the common clock, falling from 1 to 0; `label` is
    int64 [B] or None.
    """

    states: Tensor
    times: Tensor
    label: Tensor | None


class Pool(Protocol):
    """Trajectories that were made before the training began."""

    def draw(self, count: int, randomness: Randomness) -> Drawn:
        """`count` of them, each as likely as another, on the device that trains."""
