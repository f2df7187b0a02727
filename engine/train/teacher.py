"""Who teaches: the exact flow of a point set, or a network that is fitted already.

And whose weights a network begins with.
"""

from collections.abc import Mapping
from typing import NamedTuple

from msgspec.structs import replace
from torch import Tensor, nn

from engine.contract.errors import UserError
from engine.contract.specs import MLP, Network, RunSpec
from engine.data.open import Dataset
from engine.objectives.base import Velocity


class Teacher(NamedTuple):
    """A velocity on the common clock, and the network that it comes from, if one."""

    velocity: Velocity
    network: nn.Module | None = None
    spec: RunSpec | None = None


def exact_teacher(dataset: Dataset) -> Teacher:
    """The exact velocity of a data set. Raises UserError where it is not known."""
    exact = dataset.exact()
    if exact is None:
        raise UserError(
            f"The exact flow of {dataset.info.name} is not known; name a run as the teacher, or "
            "leave it empty to train one first."
        )
    return Teacher(lambda x, t, label: exact.v(x, t))


def network_teacher(network: nn.Module, spec: RunSpec) -> Teacher:
    """A network of this spec: its velocity is u(x, t, t), told a class where it learned them."""
    network.eval().requires_grad_(False)
    labels = spec.data.labels

    def velocity(x: Tensor, t: Tensor, label: Tensor | None) -> Tensor:
        found: Tensor = network(x, t, t, label if labels else None)
        return found

    return Teacher(velocity, network, spec)


def start_from(network: nn.Module, spec: RunSpec, teacher: Teacher) -> bool:
    """Give a student its teacher's weights if it is to have them; False: their networks differ.

    Dropout may differ: it has no weights, and distillation often does without.
    """
    wanted = getattr(spec.method, "teacher", None)
    known = teacher.spec
    if known is None or teacher.network is None or wanted is None or not wanted.start:
        return True
    if (_dry(known.network), known.parameterisation) != (_dry(spec.network), spec.parameterisation):
        return False
    return fill(network, teacher.network.state_dict())


def fill(network: nn.Module, weights: Mapping[str, Tensor]) -> bool:
    """Put weights into a network; False, changing nothing, where they are of another one."""
    if _shapes(weights) != _shapes(network.state_dict()):
        return False
    network.load_state_dict(weights)
    return True


def _dry(network: Network) -> Network:
    """The network without dropout."""
    return network if isinstance(network, MLP) else replace(network, dropout=0.0)


def _shapes(state: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in state.items()}
