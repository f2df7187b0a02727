"""Read points in the plane from a file: .npy, .npz or .csv."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.data.errors import DataError

BYTE_CAP = 1 << 30
SUFFIXES = (".npy", ".npz", ".csv", ".tsv", ".txt")
_KEYS = ("points", "data", "x", "arr_0")


def read_points(path: Path) -> NDArray[Any]:
    """Points, float32 [n, 2], finite. Raises DataError, one sentence."""
    try:
        values = _read(path)
    except (OSError, ValueError, EOFError, KeyError, MemoryError, zipfile.BadZipFile) as error:
        text = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise DataError(f"{path.name} cannot be read as points ({text}).") from error
    return checked(values, path.name)


def checked(values: NDArray[Any], source: str) -> NDArray[Any]:
    """These values as points, float32 [n, 2], finite. Raises DataError, naming the source."""
    if values.dtype.kind not in "fiu" or values.ndim != 2 or values.shape[1] != 2:
        raise DataError(
            f"{source} holds {values.dtype} numbers of shape {values.shape}; "
            "points are real numbers of shape (n, 2)."
        )
    if len(values) < 2:
        raise DataError(f"{source} holds {len(values)} points; at least 2 are needed.")
    limit = np.finfo(np.float32).max
    fine = np.isfinite(values).all(1) & (np.abs(values.astype(np.float64)) <= limit).all(1)
    if not fine.all():
        row = int(np.flatnonzero(~fine)[0])
        raise DataError(f"{source} holds a number that is not finite, in point {row + 1}.")
    return values.astype(np.float32)


def _read(path: Path) -> NDArray[Any]:
    size = path.stat().st_size
    if path.suffix.lower() == ".npz":
        with zipfile.ZipFile(path) as archive:  # a small archive can unpack to any size
            size = sum(item.file_size for item in archive.infolist())
    if size > BYTE_CAP:
        raise ValueError(f"it is larger than {BYTE_CAP >> 30} GiB")
    match path.suffix.lower():
        case ".npy":
            return np.array(np.load(path, mmap_mode="r", allow_pickle=False))
        case ".npz":
            return _from_npz(path)
        case _:
            return _from_text(path.read_text("utf-8-sig").splitlines())


def _from_npz(path: Path) -> NDArray[Any]:
    with np.load(path, allow_pickle=False) as archive:
        known = [key for key in _KEYS if key in archive.files]
        if not known and len(archive.files) != 1:
            raise ValueError(f"none of its arrays is called {' or '.join(_KEYS)}")
        return np.asarray(archive[(known or archive.files)[0]])


def _from_text(lines: list[str]) -> NDArray[Any]:
    """Two numbers a line, between them a comma, semicolon, tab or spaces; one title line may be."""
    lines = [line for line in lines if line.strip()]
    if not lines:
        raise ValueError("it is empty")
    separator = next((mark for mark in (";", ",", "\t") if mark in lines[0]), None)
    try:
        [float(part) for part in lines[0].split(separator)]
    except ValueError:
        lines = lines[1:]
    if not lines:
        raise ValueError("it holds no numbers")
    return np.loadtxt(lines, delimiter=separator, ndmin=2, comments=None)
