"""What is known of the runs of a workspace, asked from a terminal."""

from pathlib import Path

from engine.contract import frames, messages
from engine.contract.messages import RunInfo, Runs
from engine.hub.meeting import RUNS, meet
from engine.hub.queue import QueueFile
from engine.hub.waiting import queued_info
from engine.hub.workspace import list_runs

_PIECE = 1 << 16
_PATIENCE = 10.0  # seconds


def known_runs(workspace: Path) -> tuple[RunInfo, ...]:
    """As the hub in the background tells them, where there is one; else as the files do."""
    if told := _asked(workspace):
        return told
    entries = QueueFile(workspace).peek().entries
    queued = [queued_info(workspace, entry, place) for place, entry in enumerate(entries)]
    names = {info.name for info in queued}
    return (*queued, *(info for info in list_runs(workspace) if info.name not in names))


def _asked(workspace: Path) -> tuple[RunInfo, ...]:
    met, decoder = meet(workspace, RUNS), frames.Decoder()
    if met is None:
        return ()
    with met.connection as connection:
        connection.settimeout(_PATIENCE)
        try:
            while data := connection.recv(_PIECE):
                for header, _ in decoder.feed(data):
                    if isinstance(answer := messages.decode(header), Runs):
                        return answer.runs
        except (OSError, frames.FrameError, messages.MessageError):
            pass
    return ()
