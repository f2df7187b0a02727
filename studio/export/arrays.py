"""Raw states as an NPZ archive."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.contract.facts import Facts


def npz(arrays: Mapping[str, NDArray[Any]], facts: Facts) -> bytes:
    """The bytes of an NPZ: the arrays as float32 and `metadata`, the facts as JSON text."""
    named = {name: np.asarray(array, np.float32) for name, array in arrays.items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, metadata=np.array(facts.json()), **named)
    return buffer.getvalue()
