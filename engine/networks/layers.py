"""Small helps that several networks share."""

from typing import TypeVar

from torch import Tensor, nn

from engine.networks import forward_mode

M = TypeVar("M", bound=nn.Module)


def zeroed(layer: M) -> M:
    """The layer with weights of zero, so that what it ends is the identity at first."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


class Convolution(nn.Conv2d):
    """A convolution whose tangent pass costs no more than two convolutions."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int = 1) -> None:
        super().__init__(inputs, outputs, size, stride, size // 2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, ceil(H / stride), ceil(W / stride))."""
        if not forward_mode.applies():
            return super().forward(x)
        weights = self.weight, self.bias
        return forward_mode.Convolution.apply(x, *weights, self.stride, self.padding)
