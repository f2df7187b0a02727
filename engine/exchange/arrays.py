"""Arrays with where they come from, as NPZ and as HDF5."""

import io
from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from engine.contract.facts import Facts


def npz(arrays: Mapping[str, NDArray[Any]], facts: Facts) -> bytes:
    """The bytes of an NPZ: the arrays as float32 and `metadata`, the facts as JSON text."""
    named = {name: np.asarray(array, np.float32) for name, array in arrays.items()}
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, metadata=np.array(facts.json()), **named)
    return file.getvalue()


def hdf5(arrays: Mapping[str, NDArray[Any]], facts: Facts) -> bytes:
    """The bytes of an HDF5 file: the arrays as float32, every fact an attribute of the file."""
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        for name, array in arrays.items():
            numbers = np.asarray(array, np.float32)
            packed = {"compression": "gzip", "fletcher32": True} if numbers.size > 1 else {}
            h5.create_dataset(name, data=numbers, **packed if numbers.ndim else {})
        h5.attrs.update(facts.values())
    return file.getvalue()
