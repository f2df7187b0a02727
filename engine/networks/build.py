"""From the spec of a network to the network."""

import math

from torch import nn

from engine.contract import specs
from engine.networks.dit import DiT
from engine.networks.mlp import MLP
from engine.networks.preconditioned import Preconditioned
from engine.networks.unet import UNet


def build_network(
    spec: specs.Network,
    shape: tuple[int, ...],
    classes: int = 0,
    parameterisation: specs.Parameterisation | None = None,
) -> nn.Module:
    """A network `(x, t, s, label=None) -> u` for samples of `shape`, with times (B,) in [0, 1].

    `classes` labels may be given, int64 (B,); the value `classes` hides the class, and so does
    no label. `output_weight` is the weight of its last layer. Raises SpecError, one sentence,
    where the spec does not fit the shape.
    """
    backbone = _backbone(spec, shape, classes)
    if isinstance(parameterisation, specs.Preconditioned):
        return Preconditioned(backbone, parameterisation)
    return backbone


def _backbone(spec: specs.Network, shape: tuple[int, ...], classes: int) -> nn.Module:
    match spec:
        case specs.MLP():
            return MLP(math.prod(shape), classes, spec.width, spec.depth)
        case specs.UNet():
            return UNet(spec, shape, classes)
        case specs.DiT():
            return DiT(spec, shape, classes)
