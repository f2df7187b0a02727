"""Every method of the catalogue, with its preset for points, on a batch of its data."""

from pathlib import Path

import torch

from engine.contract.catalogue import METHODS, presets
from engine.data.open import open_data
from engine.flow.randomness import Randomness
from engine.networks.build import network_of
from engine.objectives.base import Loss, Models, alone
from engine.objectives.pool import Drawn
from engine.objectives.registry import build_objective

NAMES = [m.name for m in METHODS]
COUNT = 48


class Lines:
    """Straight trajectories between random points."""

    def draw(self, count: int, randomness: Randomness) -> Drawn:
        noise, data = randomness.normal("pool", (2, count, 2))
        times = torch.linspace(1, 0, 9)
        states = times[:, None, None] * noise + (1 - times[:, None, None]) * data
        return Drawn(states, times, None)


def models_of(name: str) -> Models:
    """A network with weights at random that is its own target, an exact teacher, and a pool."""
    spec = presets()[f"points-{name}"].spec
    torch.manual_seed(0)
    network = network_of(spec, (2,))
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    exact = open_data(spec.data.name, Path()).exact()
    assert exact is not None
    return alone(network, lambda x, t, label: exact.v(x, t))._replace(pool=Lines())


def loss_of(name: str, progress: float = 0.6, models: Models | None = None) -> Loss:
    """The loss of the method at some of its training's progress."""
    spec = presets()[f"points-{name}"].spec
    batch = open_data(spec.data.name, Path()).draw(COUNT, Randomness(0))._replace(label=None)
    objective = build_objective(spec.method, (2,))
    found: Loss = objective(models or models_of(name), batch, Randomness(1), progress)
    return found
