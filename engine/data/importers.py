"""Make a data set of one's own from a folder of pictures, a file of points, or a drawing.

It is built in WORKSPACE/data/NAME.tmp-PID and renamed when it is whole, so that whatever goes
wrong, at whatever moment, there is either a complete data set or none.
"""

import os
import shutil
from pathlib import Path
from typing import Any

import msgspec
import psutil
from numpy.typing import NDArray

from engine.contract.catalogue import DataSet, name_taken, shipped_data
from engine.contract.files import sync, write_synced
from engine.data.catalogue import imported_folder
from engine.data.errors import DataError
from engine.data.pack import write_pack
from engine.data.picture_folder import Report, read_folder
from engine.data.points_file import SUFFIXES, checked, read_points

SIZES = range(8, 257, 8)
LISTED = 500  # reasons that are returned; a message has an upper size


def import_data(
    path: Path,
    name: str,
    workspace: Path,
    *,
    size: int = 32,
    report: Report = lambda done, total: None,
) -> tuple[DataSet, list[str]]:
    """Import `path` as data set `name`; return it and what was skipped, with reasons.

    Pictures are cut to their middle square and scaled to `size` pixels. Raises DataError, one
    sentence, and then nothing was changed.
    """
    target = _free_folder(name, workspace)
    if size not in SIZES:
        raise DataError(f"The size must be a multiple of 8 from 8 to 256, not {size}.")
    info, arrays, skipped = _read(path, name, size, report)
    _keep(target, info, arrays)
    if len(skipped) > LISTED:
        skipped = [*skipped[:LISTED], f"and {len(skipped) - LISTED} more"]
    return info, skipped


def import_points(points: NDArray[Any], name: str, workspace: Path) -> DataSet:
    """Make data set `name` of points [n, 2] that a person drew. Raises DataError, as above."""
    target = _free_folder(name, workspace)
    points = checked(points, "The drawing")
    info = DataSet(name, name, "points", (2,), len(points), source="drawn by hand")
    _keep(target, info, {"points": points})
    return info


def _free_folder(name: str, workspace: Path) -> Path:
    target = imported_folder(name, workspace)
    if target.exists() or name in {data.name for data in shipped_data()}:
        raise DataError(name_taken(name))
    return target


def _read(
    path: Path, name: str, size: int, report: Report
) -> tuple[DataSet, dict[str, NDArray[Any]], list[str]]:
    if path.is_dir():
        return read_folder(path, name, size, report)
    if not path.exists():
        raise DataError(f"There is no file or folder {path}.")
    if not path.is_file() or path.suffix.lower() not in SUFFIXES:
        raise DataError(
            f"{path} cannot be imported; choose a folder of pictures, "
            "or points in an .npz, .npy or .csv file."
        )
    points = read_points(path)
    return (
        DataSet(name, name, "points", (2,), len(points), source=path.name),
        {"points": points},
        [],
    )


def _keep(target: Path, info: DataSet, arrays: dict[str, NDArray[Any]]) -> None:
    """Put it into the workspace, whole. Raises DataError."""
    try:
        _seal(target, info, arrays)
    except OSError as error:
        reason = error.strerror or str(error)
        where = f"{info.name!r} could not be written to {target.parent}"
        raise DataError(f"{where} ({reason}).") from error


def _seal(target: Path, info: DataSet, arrays: dict[str, NDArray[Any]]) -> None:
    """Write data.h5, then info.json, and give the folder its name. Raises OSError, DataError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    _sweep(target.parent)
    making = target.with_name(f"{target.name}.tmp-{os.getpid()}")
    making.mkdir()
    try:
        write_pack(making / "data.h5", arrays, source=info.source)
        sync(making / "data.h5")
        write_synced(making / "info.json", msgspec.json.format(msgspec.json.encode(info)))
        sync(making)
        os.rename(making, target)
        sync(target.parent)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Remove what imports left that were killed."""
    for left in folder.glob("*.tmp-*"):
        maker = left.name.rpartition("-")[2]
        if maker.isdecimal() and not psutil.pid_exists(int(maker)):
            shutil.rmtree(left, ignore_errors=True)
