"""Make a data set of one's own from a folder of pictures, a file of points, or a drawing.

It is built in WORKSPACE/data/NAME.tmp-PID and renamed when it is whole, so that whatever goes
wrong, at whatever moment, there is either a complete data set or none.
"""

import os
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import psutil
from numpy.typing import NDArray

from engine.contract.catalogue import DataSet, name_taken, shipped_data
from engine.contract.files import replace, sync, write_synced
from engine.contract.paths import shown
from engine.data.catalogue import imported_folder
from engine.data.errors import DataError
from engine.data.pack import file_hash, write_pack
from engine.data.picture_folder import Read, Report, read_folder
from engine.data.points_file import SUFFIXES, checked, read_points

SIZE = 32  # pixels along a side, where nobody chose
SIZES = range(8, 257, 8)
LISTED = 500  # reasons that are returned; a message has an upper size


class New(NamedTuple):
    """An imported data set; files that were left out, with reasons; what else there is to know."""

    info: DataSet
    skipped: list[str]
    notes: list[str]


def import_data(
    path: Path,
    name: str,
    workspace: Path,
    *,
    size: int = SIZE,
    report: Report = lambda done, total: None,
) -> New:
    """Import `path` as data set `name`.

    Pictures are cut to their middle square and scaled to `size` pixels. `report(done, total)` is
    called after each file, and again and again while they are written. Raises DataError, one
    sentence, and then nothing was changed.
    """
    target = _free_folder(name, workspace)
    if size not in SIZES:
        raise DataError(f"The size must be a multiple of 8 from 8 to 256, not {size}.")
    found = _read(path, name, size, report)
    count = len(found.skipped) + found.info.count
    info = _keep(target, found.info, found.arrays, partial(report, count, count))
    return New(info, _first(found.skipped), _first(found.notes))


def _first(lines: Sequence[str]) -> list[str]:
    more = [f"and {len(lines) - LISTED} more"] if len(lines) > LISTED else []
    return [*lines[:LISTED], *more]


def import_points(points: NDArray[Any], name: str, workspace: Path) -> DataSet:
    """Make data set `name` of points [n, 2] that a person drew. Raises DataError, as above."""
    target = _free_folder(name, workspace)
    points = checked(points, "The drawing")
    info = DataSet(name, name, "points", (2,), len(points), source="drawn by hand")
    return _keep(target, info, {"points": points})


def _free_folder(name: str, workspace: Path) -> Path:
    target = imported_folder(name, workspace)
    if target.exists() or name in {data.name for data in shipped_data()}:
        raise DataError(name_taken(name))
    return target


def _read(path: Path, name: str, size: int, report: Report) -> Read:
    if path.is_dir():
        return read_folder(path, name, size, report)
    if not path.exists():
        raise DataError(f"There is no file or folder {path}.")
    if not path.is_file() or path.suffix.lower() not in SUFFIXES:
        raise DataError(
            f"{path} cannot be imported; choose a folder of pictures, "
            "or points in an .npz, .npy, .h5 or .csv file."
        )
    points = read_points(path)
    info = DataSet(name, name, "points", (2,), len(points), source=shown(path.name))
    return Read(info, {"points": points})


Told = Callable[[], object]


def _keep(
    target: Path, info: DataSet, arrays: dict[str, NDArray[Any]], told: Told = lambda: None
) -> DataSet:
    """Put it into the workspace, whole, and return it as it is there. Raises DataError."""
    try:
        return _seal(target, info, arrays, told)
    except OSError as error:
        reason = error.strerror or str(error)
        where = f"{info.name!r} could not be written to {target.parent}"
        raise DataError(f"{where} ({reason}).") from error


def _seal(target: Path, info: DataSet, arrays: dict[str, NDArray[Any]], told: Told) -> DataSet:
    """Write data.h5, then info.json, and give the folder its name. Raises OSError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    _sweep(target.parent)
    making = target.with_name(f"{target.name}.tmp-{os.getpid()}")
    making.mkdir()
    try:
        write_pack(making / "data.h5", arrays, told, source=info.source)
        sync(making / "data.h5")
        info = msgspec.structs.replace(info, sealed=file_hash(making / "data.h5"))
        write_synced(making / "info.json", msgspec.json.format(msgspec.json.encode(info)))
        sync(making)
        replace(making, target)
        sync(target.parent)
        return info
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Remove what imports left that were killed."""
    for left in folder.glob("*.tmp-*"):
        maker = left.name.rpartition("-")[2]
        if maker.isdecimal() and not psutil.pid_exists(int(maker)):
            shutil.rmtree(left, ignore_errors=True)
