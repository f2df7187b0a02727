"""Weights put into the network that their spec describes."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from engine.contract.catalogue import DataSet
from engine.contract.specs import RunSpec, problems
from engine.exchange.errors import ModelError as ModelError
from engine.networks.build import network_of

_SLACK = 1 << 20  # numbers that a network may hold beside its weights
_SIDE = 1024  # of a picture at most


def classes_of(spec: RunSpec, data: DataSet) -> int:
    """How many labels a model of this spec can be given, 0 where it takes none."""
    return len(data.labels) if spec.data.labels else 0


def filled_network(
    name: str, spec: RunSpec, data: DataSet, state: Mapping[str, Tensor]
) -> nn.Module:
    """The network of a spec with these weights as float32, ready to be asked.

    Raises ModelError where they do not belong together, before more memory is taken than the
    weights themselves need.
    """
    _check_spec(name, spec, data)
    for key, tensor in state.items():
        if not torch.isfinite(tensor).all():
            raise ModelError(f"{name} holds weights that are not finite ({key}); train it again.")
    with _Budget(name, _SLACK + sum(tensor.numel() for tensor in state.values())):
        network = network_of(spec, data.shape, classes_of(spec, data))
    _check_shapes(name, network.state_dict(), state)
    network.load_state_dict({key: tensor.float() for key, tensor in state.items()})
    return network.eval().requires_grad_(False)


class _Budget(TorchFunctionMode):
    """Stops a network that is larger than its weights: a hostile spec costs no memory.

    The meta device would tell the same, but its first use imports a thousand modules (0.8 s).
    """

    def __init__(self, name: str, numbers: int) -> None:
        super().__init__()
        self._name, self._left = name, numbers

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func is torch.empty:
            size = args[0] if isinstance(args[0], Iterable) else args
            self._left -= math.prod(size)
            if self._left < 0:
                raise ModelError(f"{self._name} holds too few weights for the network of its spec.")
        return func(*args, **(kwargs or {}))


def _check_spec(name: str, spec: RunSpec, data: DataSet) -> None:
    if found := problems(spec, data.kind):
        raise ModelError(f"{name} holds a spec that is not possible: {found[0].message}")
    known = data.shape == (2,)
    if data.kind == "images":
        known = len(data.shape) == 3 and all(1 <= side <= _SIDE for side in data.shape)
    if not known:
        raise ModelError(f"{name} is for samples of shape {data.shape}, which is not possible.")


def _check_shapes(name: str, wanted: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> None:
    for key in sorted(wanted.keys() | state.keys()):
        shapes = [tuple(side[key].shape) if key in side else None for side in (state, wanted)]
        if shapes[0] != shapes[1]:
            has, needs = ("nothing" if shape is None else f"{shape}" for shape in shapes)
            raise ModelError(
                f"{name} does not fit the network of its spec: under {key} it has {has} where "
                f"the network has {needs}."
            )
