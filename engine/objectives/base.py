"""What an objective is."""

from typing import NamedTuple, Protocol

from torch import Tensor

from engine.data.batch import Batch
from engine.flow.flow_map import Network
from engine.flow.randomness import Randomness


class Loss(NamedTuple):
    """A scalar to minimise, and its named parts, one value per sample that has the part."""

    loss: Tensor
    parts: dict[str, Tensor]


class Objective(Protocol):
    """A training target: called once a step; `progress` runs from 0 to 1 over the training."""

    def __call__(
        self, network: Network, batch: Batch, randomness: Randomness, progress: float
    ) -> Loss: ...


def squared_error(found: Tensor, target: Tensor) -> Tensor:
    """Mean square error over all dimensions but the first, (B,), in float32 or better."""
    return (found.to(target.dtype) - target).square().flatten(1).mean(dim=1)
