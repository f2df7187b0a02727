"""A run's past, read from its journal on disk."""

from engine.contract.history import History
from engine.runs.errors import RunError, disk_sentence
from engine.runs.folder import RunFolder

_PIECE = 1 << 22


def read_history(folder: RunFolder) -> History:
    """Everything the journal holds; empty where there is none. Raises RunError."""
    history = History()
    try:
        with open(folder.journal, "rb") as file:
            while piece := file.read(_PIECE):
                history.feed(piece)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise RunError(disk_sentence("read", folder.journal, error)) from error
    return history
