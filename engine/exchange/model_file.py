"""A model as one safetensors file: weights, and under the metadata key `flowmap` what they are."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
from safetensors.torch import save
from torch import Tensor, nn

from engine.contract.catalogue import DataSet
from engine.contract.files import write_whole
from engine.contract.specs import RunSpec
from engine.contract.version import RUN_FORMAT
from engine.exchange.errors import ModelError
from engine.exchange.header import KEY, Header, header_of
from engine.exchange.tensor_file import tensor_file
from engine.exchange.weights import filled_network


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
    content = save(tensors, {KEY: msgspec.json.encode(header).decode()})
    try:
        write_whole(path, content)
    except OSError as error:
        raise ModelError(f"{path} cannot be written: {error.strerror}.") from error


def load_model_file(path: Path) -> ModelFile:
    """Open a model file. Raises ModelError, one sentence."""
    file = tensor_file(path)
    header = header_of(path, file.metadata)
    return ModelFile(header, filled_network(path.name, header.spec, header.data, file))
