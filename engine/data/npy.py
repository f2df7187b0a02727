"""One array of an .npy stream, believed only as far as its bytes go."""

import math
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from engine.data.damage import DAMAGE, said

KINDS = "biuf"


def read_npy(file: IO[bytes], size: int, cap: int) -> NDArray[Any]:
    """The array in a stream of `size` bytes. Raises ValueError where its header claims more.

    `cap` is the size in bytes that an array may have. Objects, which are pickles, are refused.
    """
    version = npy.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"version {version[0]}.{version[1]} of the format is not known")
    header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    try:
        shape, by_column, dtype = header(file)
    except DAMAGE as error:  # it is read as Python, by Python's own tokenizer
        raise ValueError(f"its header cannot be read ({said(error)})") from error
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which can be programs")
    if dtype.kind not in KINDS or dtype.subdtype:
        raise ValueError(f"it holds {dtype}, which are no numbers")
    needed = math.prod(shape) * dtype.itemsize
    if not all(type(side) is int and 0 <= side < 1 << 40 for side in shape) or needed > size:
        raise ValueError(f"it claims {shape} numbers and has {size:,} bytes")
    if needed > cap:
        raise ValueError(f"it is larger than {cap:,} bytes")
    content = file.read(needed)
    if len(content) < needed:
        raise ValueError(f"it ends after {len(content):,} of {needed:,} bytes")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if by_column else "C")
