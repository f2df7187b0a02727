"""What the half-trained model makes of always the same noise."""

from collections.abc import Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call

from engine.contract import catalogue
from engine.data.pixels import to_pixels
from engine.flow.flow_map import flow_map_for
from engine.flow.randomness import Randomness
from engine.flow.sampling import sample

VELOCITY_STEPS = 16  # Heun steps of a model that has only a velocity
_PIECE = 4096  # points at a time; pictures are a hundred times dearer


class Previewer:
    """Draws its noise once, from a seed of its own, and never touches the training's streams."""

    def __init__(
        self,
        network: nn.Module,
        method: str,
        shape: tuple[int, ...],
        classes: int,
        count: int,
        seed: int,
        device: torch.device,
    ) -> None:
        self._network, self._method = network, method
        self._noise = Randomness(seed).normal("preview", (count, *shape)).to(device)
        self._label = (torch.arange(count) % classes).to(device) if classes else None
        self._steps = 1 if catalogue.method(method).capability == "flow map" else VELOCITY_STEPS
        self._piece = _PIECE if len(shape) == 1 else 64

    @torch.no_grad()
    def draw(self, weights: dict[str, Tensor]) -> NDArray[Any]:
        """Samples under these weights: float32 [n, 2] or uint8 pictures [n, h, w, c]."""
        training = self._network.training
        self._network.eval()
        try:
            return _as_array(torch.cat(self._pieces(weights)))
        finally:
            self._network.train(training)

    def _pieces(self, weights: dict[str, Tensor]) -> list[Tensor]:
        def network(x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
            found: Tensor = functional_call(self._network, weights, (x, t, s, label))
            return found

        flow_map = flow_map_for(self._method, network)
        noise = torch.split(self._noise, self._piece)
        labels: Sequence[Tensor | None] = [None] * len(noise)
        if self._label is not None:
            labels = torch.split(self._label, self._piece)
        return [
            sample(flow_map, x, self._steps, label).float()
            for x, label in zip(noise, labels, strict=True)
        ]


def _as_array(samples: Tensor) -> NDArray[Any]:
    if samples.ndim == 2:
        return samples.cpu().numpy()
    return to_pixels(samples)
