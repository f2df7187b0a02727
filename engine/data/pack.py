"""A sealed HDF5 file of arrays: written once, checked whenever it is read.

The arrays are `images` uint8 [n, h, w, 3] or `points` float32 [n, 2], and beside pictures
`labels` int64 [n], `names` bytes [n] and, where there is a split, `held_out` uint8 [n].
"""

import hashlib
import mmap
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from engine.data import hdf5
from engine.data.damage import DAMAGE, said
from engine.data.errors import DataError

Arrays = Mapping[str, NDArray[Any]]
CHUNK = 1 << 20  # bytes; a chunk is compressed and checked as one
BYTE_CAP = 8 << 30  # of one array


def content_hash(arrays: Arrays) -> str:
    """SHA-256 over the name, type, shape and bytes of each array, in order of names."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.view(np.uint8).data if array.size else b"")
    return digest.hexdigest()


def write_pack(
    path: Path, arrays: Arrays, told: Callable[[], object] = lambda: None, **attributes: str
) -> None:
    """Write the arrays and attributes to a new file, each chunk with its checksum.

    `told` is called after each chunk. Raises OSError; then what is there of the file is worth
    nothing: HDF5 takes later writes without a word and loses them.
    """
    try:
        with h5py.File(path, "w") as file:
            for name, array in arrays.items():
                _write(file, name, array, told)
            for name, value in attributes.items():
                file.attrs[name] = value
            file.attrs["content_hash"] = content_hash(arrays)
    except (OSError, RuntimeError) as error:  # the latter where the disk is full when it closes
        raise _plain(error) from error


def _plain(error: Exception) -> OSError:
    """What the system said, out of what HDF5 makes of it: several lines about buffers."""
    found = re.search(r"errno = (\d+)", str(error))
    code = int(found[1]) if found else getattr(error, "errno", None)
    return OSError(code, os.strerror(code)) if code else OSError(said(error))


def _write(file: h5py.File, name: str, array: NDArray[Any], told: Callable[[], object]) -> None:
    row = array.dtype.itemsize * int(np.prod(array.shape[1:]))
    rows = min(len(array), max(1, CHUNK // row))
    dataset = file.create_dataset(
        name,
        array.shape,
        array.dtype,
        chunks=(rows, *array.shape[1:]),
        compression="gzip",
        compression_opts=9,
        shuffle=True,
        fletcher32=True,
    )
    for start in range(0, len(array), rows):
        dataset[start : start + rows] = array[start : start + rows]
        told()


def file_hash(path: Path) -> str:
    """SHA-256 of a file. Raises OSError."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_pack(path: Path, remedy: str, sealed_as: str = "") -> dict[str, NDArray[Any]]:
    """Read every array. Raises DataError, with the remedy, where the file is not as sealed.

    Where its hash is known, a file that differs is not even given to HDF5, which a single bent
    byte can lead astray: fuzzing found loops without end and a write outside its memory.
    """
    try:
        if sealed_as and file_hash(path) != sealed_as:
            raise DataError(f"{path} is damaged (its checksum differs); {remedy}.")
        with hdf5.open_hdf5(path) as file:  # sealed: nobody writes it
            arrays = {found.name: _read(path, found) for found in hdf5.walk(file, BYTE_CAP)}
        sealed = _says(path, content_hash(arrays).encode())
    except DAMAGE as error:
        raise DataError(f"{path} cannot be read ({said(error)}); {remedy}.") from error
    if not sealed:
        raise DataError(f"{path} is damaged (its checksum differs); {remedy}.")
    return arrays


def _says(path: Path, text: bytes) -> bool:
    """Whether a text stands in a file, as an attribute does.

    HDF5 is not asked: on a bent file its reader of texts runs in circles for ever.
    """
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(text) >= 0


def _read(path: Path, found: hdf5.Found) -> NDArray[Any]:
    """One array. A link or raw storage outside the file would read another file's bytes."""
    if found.dataset is None:
        raise DataError(
            f"{path} is not a data set of this program: {found.name!r} {found.refused}."
        )
    return hdf5.read(found.dataset)
