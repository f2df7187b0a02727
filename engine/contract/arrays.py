"""Named numpy arrays in the payload of one frame."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.contract.frames import FrameError

DTYPES = ("uint8", "float32", "float64", "int64")


class Array(msgspec.Struct, frozen=True):
    """What lies in the payload: name, dtype and shape; arrays follow each other without gaps."""

    name: str
    dtype: str
    shape: tuple[int, ...]


def pack(named: Mapping[str, NDArray]) -> tuple[tuple[Array, ...], bytes]:
    """Return the description of the arrays and their bytes, one after the other."""
    described = tuple(Array(n, a.dtype.name, a.shape) for n, a in named.items())
    return described, b"".join(np.ascontiguousarray(a).tobytes() for a in named.values())


def unpack(described: Sequence[Array], payload: bytes) -> dict[str, NDArray]:
    """Read the arrays back (read-only views). Raises FrameError where sizes do not match."""
    found: dict[str, NDArray] = {}
    offset = 0
    for array in described:
        if array.dtype not in DTYPES or any(n < 0 for n in array.shape):
            raise FrameError(f"array {array.name!r} has no readable type or shape")
        count = 1
        for n in array.shape:
            count *= n
        size = count * np.dtype(array.dtype).itemsize
        if offset + size > len(payload):
            raise FrameError(f"array {array.name!r} is longer than its payload")
        flat = np.frombuffer(payload, array.dtype, count=count, offset=offset)
        try:
            found[array.name] = flat.reshape(array.shape)
        except ValueError as error:  # an empty array of impossible sides
            raise FrameError(f"array {array.name!r} has no readable shape") from error
        offset += size
    if offset != len(payload):
        raise FrameError("a payload is longer than its arrays")
    return found
