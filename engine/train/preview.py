"""What the half-trained model makes of always the same noise."""

from collections.abc import Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call

from engine.contract.learned import Learned
from engine.data.pixels import to_pixels
from engine.flow.flow_map import Network, flow_map_for
from engine.flow.guidance import told
from engine.flow.randomness import Randomness
from engine.flow.sampling import sample

VELOCITY_STEPS = 16  # Heun steps of a model that has only a velocity; all others take one jump
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
        self._piece = _PIECE if len(shape) == 1 else 64

    @torch.no_grad()
    def draw(self, weights: dict[str, Tensor], known: Learned | None = None) -> NDArray[Any]:
        """Samples under these weights: float32 [n, 2] or uint8 pictures [n, h, w, c].

        `known` is what the weights are by now, where that changes while they are trained.
        """
        training = self._network.training
        self._network.eval()
        try:
            return _as_array(torch.cat(self._pieces(weights, known or Learned(self._method))))
        finally:
            self._network.train(training)

    def _pieces(self, weights: dict[str, Tensor], known: Learned) -> list[Tensor]:
        def network(x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
            found: Tensor = functional_call(self._network, weights, (x, t, s, label))
            return found

        guided: Network = network
        if usual := known.guidance:
            guided = told(network, usual.omega, usual.start, usual.end)
        flow_map = flow_map_for(known.method, guided, grid=known.grid)
        steps = VELOCITY_STEPS if flow_map.capability == "velocity" else 1
        times = flow_map.times(1.0, 0.0, steps)
        noise = torch.split(self._noise, self._piece)
        labels: Sequence[Tensor | None] = [None] * len(noise)
        if self._label is not None:
            labels = torch.split(self._label, self._piece)
        return [
            sample(flow_map, x, times, label=label).float()
            for x, label in zip(noise, labels, strict=True)
        ]


def _as_array(samples: Tensor) -> NDArray[Any]:
    if samples.ndim == 2:
        return samples.cpu().numpy()
    return to_pixels(samples)
