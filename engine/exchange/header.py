"""What the weights of a model file are, read without them: this needs no torch."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from engine.contract.catalogue import METHODS, DataSet
from engine.contract.errors import UserError
from engine.contract.specs import RunSpec
from engine.contract.tensor_file import TensorHeader, tensor_header
from engine.contract.version import RUN_FORMAT
from engine.exchange.errors import ModelError

KEY = "flowmap"  # of the file's metadata


class Header(msgspec.Struct, frozen=True):
    """What the weights of a model file are."""

    format: int
    method: str
    spec: RunSpec
    data: DataSet
    step: int
    ema: float


class _Format(msgspec.Struct):
    format: int


def read_header(path: Path) -> Header:
    """What a model file says of itself. Raises ModelError, one sentence."""
    return header_of(path, described(path).metadata)


def described(path: Path) -> TensorHeader:
    """What a file of weights says it holds, checked against its size. Raises ModelError."""
    try:
        return tensor_header(path)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}.") from error
    except UserError as error:
        raise ModelError(str(error)) from error


def header_of(path: Path, metadata: Mapping[str, str]) -> Header:
    """The header in a file's metadata. Raises ModelError."""
    text = metadata.get(KEY, "")
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
