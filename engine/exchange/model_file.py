"""A model as one safetensors file: weights, and under the metadata key `flowmap` what they are."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from engine.contract.catalogue import METHODS, DataSet
from engine.contract.files import write_whole
from engine.contract.specs import RunSpec
from engine.contract.version import RUN_FORMAT
from engine.exchange.weights import ModelError, filled_network

_KEY = "flowmap"


class Header(msgspec.Struct, frozen=True):
    """What the weights of a model file are."""

    format: int
    method: str
    spec: RunSpec
    data: DataSet
    step: int
    ema: float


class ModelFile(NamedTuple):
    """An opened model file."""

    header: Header
    network: nn.Module


def save_model(
    path: Path,
    state: Mapping[str, Tensor],
    spec: RunSpec,
    data: DataSet,
    step: int,
    ema: float,
) -> None:
    """Write a model file, whole or not at all. Raises ModelError where the disk refuses."""
    method = str(spec.method.__struct_config__.tag)
    header = Header(RUN_FORMAT, method, spec, data, step, ema)
    tensors = {key: tensor.detach().cpu().contiguous() for key, tensor in state.items()}
    content = save(tensors, {_KEY: msgspec.json.encode(header).decode()})
    try:
        write_whole(path, content)
    except OSError as error:
        raise ModelError(f"{path} cannot be written: {error.strerror}.") from error


def load_model_file(path: Path) -> ModelFile:
    """Open a model file. Raises ModelError, one sentence."""
    try:
        with safe_open(path, framework="pt") as file:
            header = _header(path, (file.metadata() or {}).get(_KEY, ""))
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}.") from error
    except SafetensorError as error:
        raise ModelError(f"{path} is no model of this program ({error}).") from error
    return ModelFile(header, filled_network(path.name, header.spec, header.data, state))


class _Format(msgspec.Struct):
    format: int


def _header(path: Path, text: str) -> Header:
    if not text:
        raise ModelError(f"{path} holds weights, but does not say of which model.")
    try:
        if msgspec.json.decode(text, type=_Format).format > RUN_FORMAT:
            raise ModelError(f"{path} was written by a newer version; install that one to open it.")
        header = msgspec.json.decode(text, type=Header)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ModelError(f"{path} says what it is in words that cannot be read.") from error
    if header.method not in {method.name for method in METHODS}:
        raise ModelError(f"{path} was trained by an unknown method, {header.method!r}.")
    return header
