"""`python -m engine.worker.importing`: one import in a process of its own.

Whatever a foreign file does to the libraries that read it, the hub and the trainings live on.
"""

import os
import threading
import time
from pathlib import Path

from engine.contract.errors import UserError
from engine.contract.messages import EngineNote, Hello, ImportData, Imported, Refused
from engine.data.errors import DataError
from engine.data.importers import import_data
from engine.worker.process import Channel, settle, take_stdio

PERIOD = 1.0  # seconds between two words about how far it is


def main() -> None:
    """Answer one `ImportData` and leave."""
    channel = take_stdio()
    settle()
    threading.Thread(target=_leave_with, args=(channel,), daemon=True).start()
    workspace = Path()
    while (received := channel.receive()) is not None:
        match received.message:
            case Hello(workspace=folder):
                workspace = Path(folder)
            case ImportData() as request:
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


def _answer(request: ImportData, workspace: Path, report: _Report) -> Imported | Refused:
    try:
        path = Path(request.path).expanduser()
        info, skipped = import_data(path, request.name, workspace, report=report)
    except (UserError, DataError) as error:
        return Refused(request.id, str(error))
    return Imported(request.id, info, tuple(skipped))


def _leave_with(channel: Channel) -> None:
    """End at once when the hub is gone: a half import is swept by the next one."""
    channel.ended.wait()
    os._exit(0)


if __name__ == "__main__":
    main()
