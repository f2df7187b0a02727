"""`python -m engine.worker.inspect`: one foreign file or folder, opened under limits.

Whatever such a file does to the libraries that read it happens here: in a process of its own, with
little memory and time, no network and no pickle (`engine.worker.limits`). What it hands back is
what this program writes itself: a sealed data set, safetensors, a PNG.
"""

import os
import threading
import time
from pathlib import Path

from engine.contract.errors import UserError
from engine.contract.messages import (
    EngineNote,
    Hello,
    ImportData,
    Imported,
    ImportPoints,
    Inspect,
    Inspected,
    Message,
    Refused,
    TakeIn,
    TakenIn,
)
from engine.contract.paths import shown, to_path
from engine.worker.limits import Confined, Limits, isolate, limits_for
from engine.worker.process import Channel, settle, take_stdio

PERIOD = 1.0  # seconds between two words about how far it is
Foreign = ImportData | ImportPoints | Inspect | TakeIn


def main() -> None:
    """Answer one request and leave."""
    isolate()
    channel = take_stdio()
    settle()
    threading.Thread(target=_leave_with, args=(channel,), daemon=True).start()
    workspace = Path()
    while (received := channel.receive()) is not None:
        match received.message:
            case Hello(workspace=folder):
                workspace = to_path(folder)
            case ImportData() | ImportPoints() | Inspect() | TakeIn() as request:
                channel.send(_refusing(request, workspace, channel))
                return


def _refusing(request: Foreign, workspace: Path, channel: Channel) -> Message:
    """The answer, or one sentence about whatever a file did to its reader."""
    try:
        return _answer(request, workspace, channel)
    except UserError as error:
        return Refused(request.id, str(error))
    except MemoryError:
        text = f"{_subject(request)} needs more memory than a foreign file may take."
        return Refused(request.id, text)
    except Exception as error:  # noqa: BLE001  a process border: a library may raise anything
        said = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        return Refused(request.id, f"{_subject(request)} cannot be read ({said[:300]}).")


def _answer(request: Foreign, workspace: Path, channel: Channel) -> Message:
    """Load what reads such a file, close the doors, read it. Raises UserError, MemoryError."""
    match request:
        case ImportPoints():
            return _drawn(request, workspace)
        case ImportData():
            return _imported(request, workspace, channel)
        case TakeIn():
            from engine.data.own_pictures import take_in

            path = to_path(request.path)
            Confined().renew(limits_for(path))
            return TakenIn(request.id, *take_in(path, workspace))
        case Inspect():
            return _inspected(request)


def _imported(request: ImportData, workspace: Path, channel: Channel) -> Imported:
    from engine.data.importers import SIZE, import_data

    path = to_path(request.path)
    report = _Report(channel, request.name, Confined(), limits_for(path), SIZE)
    found = import_data(path, request.name, workspace, report=report)
    return Imported(request.id, found.info, tuple(found.skipped), tuple(found.notes))


def _drawn(request: ImportPoints, workspace: Path) -> Imported:
    import numpy as np

    from engine.data.errors import DataError
    from engine.data.importers import import_points

    Confined().renew(Limits())
    try:
        points = np.frombuffer(request.points, np.dtype("<f4")).reshape(-1, 2)
    except ValueError as error:
        raise DataError(f"The drawing {request.name!r} is no list of points.") from error
    return Imported(request.id, import_points(points, request.name, workspace))


def _inspected(request: Inspect) -> Inspected:
    from engine.exchange.inspection import inspect, prepare

    path = to_path(request.path)
    prepare(path)
    Confined().renew(limits_for(path, request.memory, request.seconds))
    found = inspect(path, to_path(request.out) if request.out else None)
    held = tuple(found.shown())
    return Inspected(request.id, found.kind, len(found.held), held, found.note, found.wrote)


class _Report:
    """Says now and then how far an import is, and renews its limits for the next file."""

    def __init__(
        self, channel: Channel, name: str, confined: Confined, limits: Limits, size: int
    ) -> None:
        self._channel, self._name, self._size = channel, name, size
        self._confined, self._limits, self._next = confined, limits, time.monotonic() + PERIOD
        confined.renew(limits)

    def __call__(self, done: int, total: int) -> None:
        # All pictures of a folder lie in memory once they are small, and once more when sealed.
        more = 2 * total * 3 * self._size**2
        self._confined.renew(self._limits._replace(memory=self._limits.memory + more))
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + PERIOD
            text = f"Importing {self._name}: {done:,} of {total:,}."
            self._channel.send(EngineNote("info", text))


def _subject(request: Foreign) -> str:
    return request.name if isinstance(request, ImportPoints) else shown(to_path(request.path).name)


def _leave_with(channel: Channel) -> None:
    """End at once when the hub is gone: a half import is swept by the next one."""
    channel.ended.wait()
    os._exit(0)


if __name__ == "__main__":
    main()
