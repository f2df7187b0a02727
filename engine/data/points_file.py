"""Read points in the plane from a file: .npy, .npz, .h5 or .csv."""

import os
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from engine.data import hdf5
from engine.data.damage import DAMAGE, said
from engine.data.errors import DataError
from engine.data.npy import read_npy
from engine.data.plain_file import open_plain

BYTE_CAP = 1 << 30
SUFFIXES = (".npy", ".npz", ".h5", ".hdf5", ".csv", ".tsv", ".txt")
_KEYS = ("points", "data", "x", "arr_0")


def read_points(path: Path) -> NDArray[Any]:
    """Points, float32 [n, 2], finite. Raises DataError, one sentence."""
    try:
        values = _read(path)
    except DAMAGE as error:
        raise DataError(f"{path.name} cannot be read as points ({said(error)}).") from error
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
    with open_plain(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > BYTE_CAP:
            raise ValueError(f"it is larger than {BYTE_CAP >> 30} GiB")
        match path.suffix.lower():
            case ".npy":
                return read_npy(file, size, BYTE_CAP)
            case ".npz":
                return _from_npz(file)
            case ".h5" | ".hdf5":
                return _from_hdf5(path)
            case _:
                return _from_text(file.read().decode("utf-8-sig").splitlines())


def _from_npz(file: BinaryIO) -> NDArray[Any]:
    with zipfile.ZipFile(file) as archive:
        held = {item.filename.removesuffix(".npy"): item for item in archive.infolist()}
        item = held[_chosen(list(held))]
        if sum(item.file_size for item in archive.infolist()) > BYTE_CAP:
            raise ValueError(f"it is larger than {BYTE_CAP >> 30} GiB")
        with archive.open(item) as stream:  # a small archive can unpack to any size
            return read_npy(stream, item.file_size, BYTE_CAP)


def _from_hdf5(path: Path) -> NDArray[Any]:
    with hdf5.open_hdf5(path) as file:
        held = {found.name: found for found in hdf5.walk(file, BYTE_CAP)}
        found = held[_chosen(list(held))]
        if found.dataset is None:
            raise ValueError(f"{found.name!r} {found.refused}")
        return hdf5.read(found.dataset)


def _chosen(names: list[str]) -> str:
    """Which array of several are the points. Raises ValueError where none says so."""
    known = [key for key in _KEYS if key in names]
    if not known and len(names) != 1:
        raise ValueError(f"none of its arrays is called {' or '.join(_KEYS)}")
    return (known or names)[0]


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
