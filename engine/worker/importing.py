"""`python -m engine.worker.importing`: one import in a process of its own.

Whatever a foreign file does to the libraries that read it, the hub and the trainings live on.
"""

import os
import threading
import time
from pathlib import Path

import numpy as np

from engine.contract.catalogue import DataSet
from engine.contract.errors import UserError
from engine.contract.messages import (
    EngineNote,
    Hello,
    ImportData,
    Imported,
    ImportPoints,
    Refused,
)
from engine.data.errors import DataError
from engine.data.importers import import_data, import_points
from engine.worker.process import Channel, settle, take_stdio

PERIOD = 1.0  # seconds between two words about how far it is


def main() -> None:
    """Answer one `ImportData` or `ImportPoints` and leave."""
    channel = take_stdio()
    settle()
    threading.Thread(target=_leave_with, args=(channel,), daemon=True).start()
    workspace = Path()
    while (received := channel.receive()) is not None:
        match received.message:
            case Hello(workspace=folder):
                workspace = Path(folder)
            case ImportData() | ImportPoints() as request:
                channel.send(_answer(request, workspace, _Report(channel, request.name)))
                return


class _Report:
    """Says now and then how far the import is."""

    def __init__(self, channel: Channel, name: str) -> None:
        self._channel, self._name, self._next = channel, name, time.monotonic() + PERIOD

    def __call__(self, done: int, total: int) -> None:
        if time.monotonic() >= self._next:
            self._next += PERIOD
            text = f"Importing {self._name}: {done:,} of {total:,}."
            self._channel.send(EngineNote("info", text))


def _answer(
    request: ImportData | ImportPoints, workspace: Path, report: _Report
) -> Imported | Refused:
    try:
        if isinstance(request, ImportPoints):
            return Imported(request.id, _drawn(request, workspace))
        path = Path(request.path).expanduser()
        info, skipped = import_data(path, request.name, workspace, report=report)
    except (UserError, DataError) as error:
        return Refused(request.id, str(error))
    return Imported(request.id, info, tuple(skipped))


def _drawn(request: ImportPoints, workspace: Path) -> DataSet:
    try:
        points = np.frombuffer(request.points, np.dtype("<f4")).reshape(-1, 2)
    except ValueError as error:
        raise DataError(f"The drawing {request.name!r} is no list of points.") from error
    return import_points(points, request.name, workspace)


def _leave_with(channel: Channel) -> None:
    """End at once when the hub is gone: a half import is swept by the next one."""
    channel.ended.wait()
    os._exit(0)


if __name__ == "__main__":
    main()
