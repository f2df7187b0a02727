"""From the spec of a network to the network."""

import math

from torch import nn

from engine.contract import specs
from engine.contract.learned import heads
from engine.networks.dit import DiT
from engine.networks.mlp import MLP
from engine.networks.preconditioned import Preconditioned
from engine.networks.unet import UNet


def build_network(
    spec: specs.Network,
    shape: tuple[int, ...],
    classes: int = 0,
    parameterisation: specs.Parameterisation | None = None,
    velocity: bool = False,
    guided: bool = False,
) -> nn.Module:
    """A network `(x, t, s, label=None) -> u` for samples of `shape`, with times (B,) in [0, 1].

    `classes` labels may be given, int64 (B,); the value `classes` hides the class, and so does
    no label. `output_weight` is the weight of its last layer. With `velocity` it has an auxiliary
    head, and `heads` to ask for both. If `guided`, a label may carry a guidance
    (engine/flow/guidance.py). Raises SpecError, one sentence, where the spec does not fit.
    """
    backbone = _backbone(spec, shape, classes, velocity, guided)
    if isinstance(parameterisation, specs.Preconditioned):
        return Preconditioned(backbone, parameterisation)
    return backbone


def network_of(spec: specs.RunSpec, shape: tuple[int, ...], classes: int = 0) -> nn.Module:
    """The network that a run fits: that of its spec, with what its method asks for besides."""
    return build_network(spec.network, shape, classes, spec.parameterisation, **heads(spec))


def _backbone(
    spec: specs.Network, shape: tuple[int, ...], classes: int, velocity: bool, guided: bool
) -> nn.Module:
    match spec:
        case specs.MLP():
            return MLP(math.prod(shape), classes, spec.width, spec.depth, velocity)
        case specs.UNet():
            return UNet(spec, shape, classes, velocity, guided)
        case specs.DiT():
            return DiT(spec, shape, classes, velocity, guided)
