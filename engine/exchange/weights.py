"""Weights put into the network that their spec describes."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from engine.contract.catalogue import DataSet
from engine.contract.specs import RunSpec, problems
from engine.contract.tensor_file import FLOATING, Described
from engine.exchange.errors import ModelError as ModelError
from engine.exchange.tensor_file import TensorFile
from engine.networks.build import network_of

_NAMES = {
    torch.float32: "F32", torch.float64: "F64", torch.float16: "F16", torch.bfloat16: "BF16",
    torch.int64: "I64", torch.int32: "I32", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip
_SLACK = 1 << 20  # numbers that a network may hold beside its weights
_SIDE = 1024  # of a picture at most


def classes_of(spec: RunSpec, data: DataSet) -> int:
    """How many labels a model of this spec can be given, 0 where it takes none."""
    return len(data.labels) if spec.data.labels else 0


def filled_network(
    name: str, spec: RunSpec, data: DataSet, state: Mapping[str, Tensor] | TensorFile
) -> nn.Module:
    """The network of a spec with these weights as float32, ready to be asked.

    Raises ModelError where they do not belong together, before more memory is taken than the
    weights themselves need; those in a file are not read before its names, shapes and types fit.
    """
    _check_spec(name, spec, data)
    held = state.described if isinstance(state, TensorFile) else _described(state)
    with _Budget(name, _SLACK + sum(tensor.size for tensor in held.values())):
        network = network_of(spec, data.shape, classes_of(spec, data))
    _check_fit(name, _described(network.state_dict()), held)
    loaded = state.load() if isinstance(state, TensorFile) else state
    for key, tensor in loaded.items():
        if not torch.isfinite(tensor).all():
            raise ModelError(f"{name} holds weights that are not finite ({key}); train it again.")
    network.load_state_dict({key: tensor.float() for key, tensor in loaded.items()})
    return network.eval().requires_grad_(False)


def _described(state: Mapping[str, Tensor]) -> dict[str, Described]:
    return {
        k: Described(_NAMES.get(t.dtype, str(t.dtype)), tuple(t.shape)) for k, t in state.items()
    }


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


def _check_fit(name: str, wanted: Mapping[str, Described], held: Mapping[str, Described]) -> None:
    for key in sorted(wanted.keys() | held.keys()):
        has, needs = held.get(key), wanted.get(key)
        if has is None or needs is None or has.shape != needs.shape or not _alike(has, needs):
            said = [
                "nothing" if side is None else f"{side.shape}{_kind(has, needs, side)}"
                for side in (has, needs)
            ]
            raise ModelError(
                f"{name} does not fit the network of its spec: under {key[:100]} it has {said[0]} "
                f"where the network has {said[1]}."
            )


def _alike(has: Described, needs: Described) -> bool:
    """Whether one kind of number can stand for the other: any float for a float."""
    return has.dtype == needs.dtype or {has.dtype, needs.dtype} <= set(FLOATING)


def _kind(has: Described | None, needs: Described | None, side: Described) -> str:
    return f" of {side.dtype}" if has and needs and has.shape == needs.shape else ""
