"""What goes wrong unforeseen: into the log file and before a person's eyes; the window goes on."""

import faulthandler
import logging
import sys
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QStandardPaths

LOGGER = logging.getLogger("studio")


class Faults:
    """Catches what no one caught, from now until `release`."""

    def __init__(self, folder: Path | None = None) -> None:
        self.show: Callable[[str], object] = lambda sentence: None
        self.folder = folder or default_folder()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._handler = RotatingFileHandler(
            self.folder / "studio.log", maxBytes=1 << 20, backupCount=1, encoding="utf-8"
        )
        self._handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        LOGGER.addHandler(self._handler)
        self._crash = open(self.folder / "crash.log", "a", encoding="utf-8")  # noqa: SIM115
        faulthandler.enable(self._crash)
        self._before = sys.excepthook
        sys.excepthook = self._caught

    def release(self) -> None:
        """Give the hooks and the files back."""
        sys.excepthook = self._before
        faulthandler.disable()
        self._crash.close()
        LOGGER.removeHandler(self._handler)
        self._handler.close()

    def _caught(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            self._before(kind, error, trace)
            return
        LOGGER.error("not caught", exc_info=(kind, error, trace))
        self.show(
            f"Something went wrong in the window ({kind.__name__}: {error}); it goes on, and "
            f"the details are in {self.folder / 'studio.log'}."
        )


def default_folder() -> Path:
    """The platform's folder for this program's logs."""
    where = QStandardPaths.StandardLocation.AppLocalDataLocation
    return Path(QStandardPaths.writableLocation(where)) / "logs"
