"""Which data sets there are: those that come with the program and those that were imported.

Imported ones lie in WORKSPACE/data/NAME/ as data.h5 and info.json. The folder gets its name only
when both are whole, so whatever is called NAME.tmp-... was left by a process that died.
"""

import difflib
from pathlib import Path

import msgspec

from engine.contract.catalogue import DataSet, data_name_problem, shipped_data
from engine.data.errors import DataError


def imported_folder(name: str, workspace: Path) -> Path:
    """Where the imported data set `name` lies, or would lie. Raises DataError for a bad name."""
    if problem := data_name_problem(name):
        raise DataError(problem)
    return workspace / "data" / name


def data_sets(workspace: Path) -> list[DataSet]:
    """Every data set that can be opened, shipped ones first, imported ones in order of names."""
    found = list(shipped_data())
    shipped = {data.name for data in found}
    for info in sorted((workspace / "data").glob("*/info.json")):
        name = info.parent.name
        if not data_name_problem(name) and name not in shipped:
            try:
                found.append(_read(info))
            except DataError:
                continue  # `find` tells about it; one damaged folder must not hide the others
    return found


def find(name: str, workspace: Path) -> DataSet:
    """The data set called `name`. Raises DataError where there is none or it is damaged."""
    shipped = {data.name: data for data in shipped_data()}
    if name in shipped:
        return shipped[name]
    info = imported_folder(name, workspace) / "info.json"
    if info.is_file():
        return _read(info)
    near = difflib.get_close_matches(name, [d.name for d in data_sets(workspace)], 1, 0.75)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    raise DataError(
        f"There is no data set {name!r} here{hint}; "
        f"import it with `flowmap-engine data import PATH {name}`."
    )


def _read(path: Path) -> DataSet:
    try:
        info = msgspec.json.decode(path.read_bytes(), type=DataSet)
    except (OSError, msgspec.DecodeError):
        info = None
    if info is None or info.name != path.parent.name:
        raise DataError(
            f"The data set {path.parent.name!r} is damaged (its info.json cannot be read); "
            f"delete {path.parent} and import it again."
        )
    return info
