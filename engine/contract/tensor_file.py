"""The header of a safetensors file, checked before anything of it takes memory.

The library refuses what lies outside the file; here also what it lets pass: names that occur twice,
sides of a size that no memory has beside a side of zero, a header that is most of the file.
"""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from engine.contract.errors import UserError

HEADER_CAP = 16 << 20
TENSORS = 100_000
NAME_CAP = 1000  # characters
SIZES = {
    "BOOL": 1,
    "U8": 1,
    "I8": 1,
    "U16": 2,
    "I16": 2,
    "F16": 2,
    "BF16": 2,
    "U32": 4,
    "I32": 4,
    "F32": 4,
    "U64": 8,
    "I64": 8,
    "F64": 8,
}
FLOATING = ("F16", "BF16", "F32", "F64")


class Described(NamedTuple):
    """A tensor as its file describes it: one of `SIZES`, and its sides."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)


class TensorHeader(NamedTuple):
    """What a safetensors file says it holds; the bytes are there for all of it."""

    tensors: dict[str, Described]
    metadata: dict[str, str]


def tensor_header(path: Path) -> TensorHeader:
    """The header of the file at `path`. Raises OSError, and UserError for a hostile one."""
    with open(path, "rb") as file:
        return read_tensor_header(str(path), file)


def read_tensor_header(name: str, file: BinaryIO) -> TensorHeader:
    """The header of an open file, called `name` in what is said of it. Raises UserError."""
    try:
        return _read(file)
    except ValueError as error:  # also of json, and of text that is no UTF-8
        said = " ".join(str(error).split()).rstrip(".")
        raise UserError(f"{name} is no safetensors file that can be trusted: {said}.") from error
    except RecursionError:
        raise UserError(f"{name} is no safetensors file: its header is nested too deep.") from None


def _read(file: BinaryIO) -> TensorHeader:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or not 2 <= length <= size - 8:
        raise ValueError(f"its header claims {length:,} of {size:,} bytes")
    if length > HEADER_CAP:
        raise ValueError(f"its header has {length >> 20} MB")
    found = json.loads(file.read(length).decode("utf-8"), object_pairs_hook=_once)
    if not isinstance(found, dict):
        raise ValueError("its header is no table")
    metadata = found.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise ValueError("its metadata is no table of texts")
    return TensorHeader(_tensors(found, size - 8 - length), metadata)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for k, (key, _) in enumerate(pairs) if key in dict(pairs[:k]))
        raise ValueError(f"{twice[:100]!r} occurs twice")
    return found


def _tensors(found: Mapping[str, Any], size: int) -> dict[str, Described]:
    """Every tensor, once it is known that together they are the rest of the file."""
    if len(found) > TENSORS:
        raise ValueError(f"it names {len(found):,} tensors")
    spans = []
    described = {}
    for name, value in found.items():
        described[name], span = _tensor(name, value, size)
        spans.append(span)
    end = 0
    for start, stop in sorted(spans):
        if start != end:
            raise ValueError("its tensors overlap, or leave bytes between them")
        end = stop
    if end != size:
        raise ValueError(f"its tensors take {end:,} of {size:,} bytes")
    return described


def _tensor(name: str, value: Any, size: int) -> tuple[Described, tuple[int, int]]:
    shown = repr(name[:100])
    if len(name) > NAME_CAP:
        raise ValueError(f"a name has {len(name):,} characters")
    if not isinstance(value, dict) or value.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{shown} is not described as a tensor")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in SIZES:
        raise ValueError(f"{shown} has numbers of an unknown kind")
    if not _counts(shape) or not _counts(offsets) or len(offsets) != 2 or len(shape) > 32:
        raise ValueError(f"{shown} has no readable shape or place")
    start, stop = offsets
    if math.prod(side for side in shape if side) > max(size, 1 << 20):
        raise ValueError(f"{shown} claims a shape that does not fit its file")
    if math.prod(shape) * SIZES[dtype] != stop - start:
        raise ValueError(f"{shown} has another size than its shape")
    return Described(dtype, tuple(shape)), (start, stop)


def _counts(value: Any) -> bool:
    """Whether it is a list of whole numbers from 0 on."""
    return isinstance(value, list) and all(type(n) is int and 0 <= n < 1 << 63 for n in value)
