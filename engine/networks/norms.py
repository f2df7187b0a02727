"""Normalisations that are safe under forward-mode differentiation, compiled or not."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.networks import forward_mode

EPSILON = 1e-5


class GroupNorm(nn.Module):
    """Group normalisation of (B, C, H, W), computed in float32 or better.

    torch's kernel is used where it can be: it saves a fifth of a training step on a processor.
    It is kept out of autocast, as its primal and its tangent would come out in two precisions,
    and is written out for the compiler, which cannot trace its forward-mode derivative and fuses
    the plain operations as well.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.groups = math.gcd(channels // 4, 32)
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise; the result is in float32 or better."""
        how = self.groups, self.weight, self.bias, EPSILON
        with torch.autocast(x.device.type, enabled=False):
            if torch.compiler.is_compiling():
                return self.plain(_wide(x))
            if forward_mode.applies():
                return forward_mode.GroupNormalisation.apply(_wide(x), *how)[0]
            return F.group_norm(_wide(x), *how)

    def plain(self, x: Tensor) -> Tensor:
        """The same in operations that can be differentiated in every mode."""
        grouped = x.unflatten(1, (self.groups, -1))
        centred = grouped - grouped.mean(dim=(2, 3, 4), keepdim=True)
        variance = centred.square().mean(dim=(2, 3, 4), keepdim=True)
        normal = (centred * (variance + EPSILON).rsqrt()).flatten(1, 2)
        return normal * self.weight[:, None, None] + self.bias[:, None, None]


def _wide(x: Tensor) -> Tensor:
    return x if x.dtype == torch.float64 else x.float()


def rms_norm(x: Tensor) -> Tensor:
    """Scale the last dimension to unit root mean square, in float32 or better."""
    wide = _wide(x)
    return wide * (wide.square().mean(-1, keepdim=True) + EPSILON).rsqrt()


def layer_norm(x: Tensor) -> Tensor:
    """Centre the last dimension and scale it to unit variance, in float32 or better."""
    wide = _wide(x)
    return rms_norm(wide - wide.mean(-1, keepdim=True))
