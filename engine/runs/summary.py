"""What a run's folder shows of it: never a stored word."""

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.contract.catalogue import METHODS
from engine.contract.errors import UserError
from engine.contract.journal import Columns, Ended, Reader, Rows, Started
from engine.contract.messages import RunInfo, State
from engine.contract.specs import RunSpec, total_steps
from engine.runs.folder import RunFolder
from engine.runs.lock import is_held

_HEAD, _TAIL = 1 << 14, 1 << 17


def summarise(folder: RunFolder, data_kind: str = "") -> RunInfo:
    """A run as its spec, lock, journal and checkpoints show it; damage becomes its message."""
    sealed = (folder.checkpoints() or [-1])[-1]
    try:
        spec = _spec(folder)
    except UserError as error:
        return RunInfo(
            folder.name, folder.name, "", "", data_kind, "failed", 0, 0, 0.0, str(error), sealed
        )
    tag = str(type(spec.method).__struct_config__.tag)
    title = f"{spec.data.name} · {next((m.title for m in METHODS if m.name == tag), tag)}"
    step, ended, changed = _newest(folder)
    state = _state(is_held(folder), ended)
    return RunInfo(
        folder.name,
        title,
        tag,
        spec.data.name,
        data_kind or ("points" if spec.network.__struct_config__.tag == "mlp" else "images"),
        state,
        max(step, sealed, 0),
        total_steps(spec),
        changed,
        ended.message if ended and state != "running" else "",
        sealed,
        spec.start,
    )


def _spec(folder: RunFolder) -> RunSpec:
    """The run's spec; read again only where its file has changed. Raises UserError."""
    try:
        known = os.stat(folder.spec_file)
    except OSError:
        return folder.spec()
    return _read_spec(folder.path, known.st_mtime_ns, known.st_size, known.st_ino)


@lru_cache(maxsize=4096)
def _read_spec(path: Path, changed: int, size: int, number: int) -> RunSpec:
    return RunFolder(path).spec()


def _state(held: bool, ended: Ended | None) -> State:
    if held:
        return "running"
    how = ended.how if ended else "stopped"  # without an end it was killed
    return "finished" if how == "finished" else "failed" if how == "failed" else "stopped"


def _newest(folder: RunFolder) -> tuple[int, Ended | None, float]:
    """Newest step, how the newest session ended, and when the journal last grew."""
    step, ended = 0, None
    try:
        with open(folder.journal, "rb") as file:
            changed, size = os.fstat(file.fileno()).st_mtime, os.fstat(file.fileno()).st_size
            reader = Reader()
            records: list[Any] = list(reader.feed(file.read(_HEAD)))  # has the first Columns
            if size > _HEAD:
                file.seek(max(_HEAD, size - _TAIL))
                records += reader.feed(file.read())
    except OSError:
        return 0, None, 0.0
    for record in records:
        match record:
            case Rows(names, values) if len(values):
                step = int(values[-1, names.index("step")])
            case Started(step):
                ended = None
            case Ended(step):
                ended = record
            case Columns():
                pass
    return step, ended, changed
