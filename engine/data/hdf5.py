"""Read HDF5 that may be hostile: numbers that lie in this very file, of a known size.

HDF5 can point elsewhere: by links, in any component of a path; by raw storage in other files; by
data sets made of others. It can run filters that are loaded from a folder. None of it is followed.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from engine.data.damage import DAMAGE, said
from engine.data.plain_file import open_plain

FILTERS = {1: "deflate", 2: "shuffle", 3: "fletcher32", 32000: "lzf"}  # all built in
KINDS = "biufS"  # of numpy: no references, no objects, nothing of a length of its own
OBJECTS = 10_000
DEPTH = 32
SLAB = 32 << 20  # bytes that are read at once


class Found(NamedTuple):
    """A thing in a file by its path, and why it is not read, "" where it can be."""

    name: str
    dataset: h5py.Dataset | None
    refused: str = ""


def open_hdf5(path: Path) -> h5py.File:
    """The file, to read. Raises what `DAMAGE` names."""
    open_plain(path).close()
    return h5py.File(path, "r", locking=False)


def walk(file: h5py.File, cap: int) -> Iterator[Found]:
    """Everything in a file, component by component, and of each whether it may be read.

    `cap` is the size in bytes that an array may have. Raises what `DAMAGE` names.
    """
    waiting: list[tuple[str, h5py.Group]] = [("", file)]
    seen: set[int] = set()
    count = 0
    while waiting:
        inside, group = waiting.pop()
        for key in group:
            count += 1
            if count > OBJECTS:
                raise ValueError(f"it holds more than {OBJECTS:,} objects")
            found = _thing(group, key, f"{inside}{key}", cap, seen)
            if isinstance(found, Found):
                yield found
            else:
                waiting.append((f"{inside}{key}/", found))


def _thing(group: h5py.Group, key: str, name: str, cap: int, seen: set[int]) -> Found | h5py.Group:
    """What lies under one name of a folder, or the folder there, to be walked through once."""
    link = group.get(key, getlink=True)
    if not isinstance(link, h5py.HardLink):
        return Found(name, None, f"is a link ({type(link).__name__})")
    thing = group[key]
    if isinstance(thing, h5py.Dataset):
        refused = problem(thing, cap)
        return Found(name, None if refused else thing, refused)
    if not isinstance(thing, h5py.Group):
        return Found(name, None, "is no array")
    place = _place(group, key)
    if place in seen or name.count("/") >= DEPTH:
        return Found(name, None, "is a folder that was seen before, or lies too deep")
    seen.add(place)
    return thing


def problem(dataset: h5py.Dataset, cap: int) -> str:
    """Why an array is not read, as the end of a sentence; "" where it can be."""
    try:
        return _problem(dataset, cap)
    except DAMAGE as error:
        return f"is damaged ({said(error)})"


def _problem(dataset: h5py.Dataset, cap: int) -> str:
    if dataset.external:
        return "is a link: its numbers lie in another file"
    if dataset.is_virtual:
        return "is a link: it is made of other arrays"
    made = dataset.id.get_create_plist()
    filters = [made.get_filter(k)[0] for k in range(made.get_nfilters())]
    if unknown := [str(code) for code in filters if code not in FILTERS]:
        return f"is packed with an unknown filter ({', '.join(unknown)})"
    if dataset.shape is None:
        return "is empty"
    if dataset.dtype.kind not in KINDS:
        return f"holds no plain numbers ({dataset.dtype})"
    size = math.prod(dataset.shape) * dataset.dtype.itemsize
    chunk = math.prod(dataset.chunks or ()) * dataset.dtype.itemsize
    if max(size, chunk) > cap:
        return f"claims {max(size, chunk):,} bytes, more than {cap:,}"
    return ""


def read(dataset: h5py.Dataset) -> NDArray[Any]:
    """The numbers of an array that `walk` let pass, slab by slab. Raises what `DAMAGE` names."""
    if not dataset.shape:
        return np.asarray(dataset[()])
    numbers = np.empty(dataset.shape, dataset.dtype)
    row = max(1, numbers[:1].nbytes)
    step = max(1, SLAB // row)
    for start in range(0, len(numbers), step):
        place = np.s_[start : start + step]
        if numbers[place].size:
            dataset.read_direct(numbers, place, place)
    return numbers


def _place(group: h5py.Group, key: str) -> int:
    """Where in the file a hard link leads. Asking the object itself can run in circles for ever."""
    return int(group.id.links.get_info(key.encode("utf-8", "surrogateescape")).u)
