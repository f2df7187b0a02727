"""States and times that are given as .npy files."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.contract.errors import UserError
from engine.data.npy import read_npy
from engine.data.plain_file import open_plain

if TYPE_CHECKING:
    import torch

_CAP = 16 << 30  # bytes


def read_states(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """States float32 [n, *shape]. Raises UserError."""
    try:
        found = _array(path)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path} is not a readable .npy file.") from error
    right = found.ndim and found.dtype.kind in "fiu"
    if not right or found.shape[1:] != tuple(shape) or not len(found):
        raise UserError(f"{path} must hold numbers of shape [n, {', '.join(map(str, shape))}].")
    if not np.isfinite(found).all():
        raise UserError(f"{path} holds numbers that are not finite.")
    return found.astype(np.float32)


def read_numbers(path: Path) -> np.ndarray:
    """Numbers float32 [n]; some may be infinite. Raises UserError."""
    try:
        found = _array(path)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path} is not a readable .npy file.") from error
    if found.ndim != 1 or found.dtype.kind not in "fiu":
        raise UserError(f"{path} must hold numbers in one row.")
    return found.astype(np.float32)


def read_times(word: str, n: int, option: str) -> "float | torch.Tensor":
    """One time, or `n` of them from a file. Raises UserError."""
    import torch

    try:
        found = _array(Path(word)) if word.endswith(".npy") else np.float64(word)
        if found.dtype.kind not in "fiu":
            raise ValueError(found.dtype)
        found = np.broadcast_to(np.asarray(found, np.float32), (n,))
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{option} must be a number or a .npy of {n} times, not {word}.") from error
    if not ((found >= 0) & (found <= 1)).all():
        raise UserError(f"{option} must lie between 0 (data) and 1 (noise).")
    return torch.from_numpy(found.copy()) if word.endswith(".npy") else float(word)


def _array(path: Path) -> np.ndarray:
    """One array; a file of several raises ValueError, where `np.load` would leave it open."""
    with open_plain(path) as file:
        return read_npy(file, os.fstat(file.fileno()).st_size, _CAP)
