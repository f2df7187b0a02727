"""A sealed HDF5 file of arrays: written once, checked whenever it is read.

The arrays are `images` uint8 [n, h, w, 3] or `points` float32 [n, 2], and beside pictures
`labels` int64 [n], `names` bytes [n] and, where there is a split, `held_out` uint8 [n].
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from engine.data.errors import DataError

Arrays = Mapping[str, NDArray[Any]]
CHUNK = 1 << 20  # bytes; a chunk is compressed and checked as one


def content_hash(arrays: Arrays) -> str:
    """SHA-256 over the name, type, shape and bytes of each array, in order of names."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.view(np.uint8).data if array.size else b"")
    return digest.hexdigest()


def write_pack(path: Path, arrays: Arrays, **attributes: str) -> None:
    """Write the arrays and attributes to a new file, each chunk with its checksum."""
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            row = array.dtype.itemsize * int(np.prod(array.shape[1:]))
            rows = min(len(array), max(1, CHUNK // row))
            file.create_dataset(
                name,
                data=array,
                chunks=(rows, *array.shape[1:]),
                compression="gzip",
                compression_opts=9,
                shuffle=True,
                fletcher32=True,
            )
        for name, value in attributes.items():
            file.attrs[name] = value
        file.attrs["content_hash"] = content_hash(arrays)


def read_pack(path: Path, remedy: str) -> dict[str, NDArray[Any]]:
    """Read every array. Raises DataError, with the remedy, where the file is not as sealed."""
    try:
        with h5py.File(path, "r", locking=False) as file:  # sealed: nobody writes it
            arrays = {name: _read(file, name) for name in file}
            sealed = str(file.attrs.get("content_hash", ""))
    except (OSError, RuntimeError, MemoryError) as error:
        raise DataError(f"{path} cannot be read ({error}); {remedy}.") from error
    if content_hash(arrays) != sealed:
        raise DataError(f"{path} is damaged (its checksum differs); {remedy}.")
    return arrays


def _read(file: h5py.File, name: str) -> NDArray[Any]:
    """One array. A link or raw storage outside the file would read another file's bytes."""
    inside = isinstance(file.get(name, getlink=True), h5py.HardLink)
    dataset = file[name] if inside else None
    if not isinstance(dataset, h5py.Dataset) or dataset.external or dataset.is_virtual:
        raise DataError(f"{file.filename} is not a data set of this program: {name!r} is a link.")
    return np.asarray(dataset[()])
