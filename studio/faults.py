"""What goes wrong unforeseen: into the log file and before a person's eyes; the window goes on."""

import contextlib
import faulthandler
import logging
import os
import sys
import threading
import time
import traceback
from asyncio import AbstractEventLoop
from collections import Counter
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import Any

from PySide6.QtCore import QMessageLogContext, QStandardPaths, QtMsgType, qInstallMessageHandler

from studio.mark import Mark, bury

LOGGER = logging.getLogger("studio")
LARGE = 1 << 20  # bytes beyond which a log starts over, the one before beside it as `NAME.1`
OF_A_KIND = 20  # messages of Qt that say the same
_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


class Faults:
    """Catches what no one caught, from now until `release`; `show(sentence)` tells a person.

    `died` says whether a studio before this one did. Where no file can be written, nothing is.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.show: Callable[[str], object] = lambda sentence: None
        self.folder = folder or default_folder()
        self.died = False
        self.unanswered = False  # nobody said what to take up after that
        self._seen: Counter[str] = Counter()
        self._mark: Mark | None = None
        self._handler: logging.Handler = logging.StreamHandler()
        with contextlib.suppress(OSError):
            self._open_files()
        self._handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        LOGGER.addHandler(self._handler)
        faulthandler.enable(self._mark.file if self._mark else sys.__stderr__ or sys.stderr)
        self._hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
        sys.excepthook = self._caught
        threading.excepthook = self._caught_in_thread
        sys.unraisablehook = self._not_raised
        self._qt_before = qInstallMessageHandler(self._said_by_qt)

    def leave(self) -> None:
        """This studio leaves as it should: the next one need not ask, unless nobody answered."""
        if self._mark is not None and not self.unanswered:
            self._mark.leave()

    def release(self) -> None:
        """Give the hooks and the files back."""
        qInstallMessageHandler(self._qt_before)
        sys.excepthook, threading.excepthook, sys.unraisablehook = self._hooks
        faulthandler.disable()
        if self._mark is not None:
            self._mark.close()
        LOGGER.removeHandler(self._handler)
        self._handler.close()

    def in_loop(self, loop: AbstractEventLoop, context: dict[str, Any]) -> None:
        """What no one caught in a callback or a task, as asyncio tells it."""
        error = context.get("exception")
        if isinstance(error, BaseException):
            self._caught(type(error), error, error.__traceback__)
        else:
            LOGGER.error("asyncio: %s", context.get("message", "something went wrong"))

    def _open_files(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        deaths = bury(self.folder)
        self.died = bool(deaths)
        for stack in filter(None, deaths):
            _keep(self.folder / "crash.log", stack)
        self._handler = RotatingFileHandler(
            self.folder / "studio.log", maxBytes=LARGE, backupCount=1, encoding="utf-8"
        )
        self._mark = Mark(self.folder)

    def _caught(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            self._hooks[0](kind, error, trace)
            return
        place = traceback.extract_tb(trace)[-1:] if trace else []
        self._seen[key := f"{kind.__name__} {place}"] += 1
        times = self._seen[key]
        if times & (times - 1):  # of a fault that comes with every frame tell the 2nd, 4th, 8th …
            return
        if times == 1:
            LOGGER.error("not caught", exc_info=(kind, error, trace))
        else:
            LOGGER.error("not caught, time no. %d: %s: %s", times, kind.__name__, error)
        often = f", {times} times now" if times > 1 else ""
        self.show(
            f"Something went wrong in the window ({kind.__name__}: {error}{often}); it goes on, "
            f"and the details are in {self.folder / 'studio.log'}."
        )

    def _caught_in_thread(self, args: threading.ExceptHookArgs) -> None:
        """Only a line of the log: no widget may be touched from there."""
        if args.exc_value is not None:
            about = args.exc_type, args.exc_value, args.exc_traceback
            LOGGER.error("not caught in a thread", exc_info=about)

    def _not_raised(self, args: Any) -> None:
        LOGGER.error("%s: %r", args.err_msg or "not raised", args.object, exc_info=args.exc_value)

    def _said_by_qt(self, kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
        self._seen[text] += 1
        if self._seen[text] <= OF_A_KIND:
            LOGGER.log(_LEVELS.get(kind, logging.WARNING), "Qt %s: %s", context.category, text)


def default_folder() -> Path:
    """The platform's folder for this program's logs."""
    where = QStandardPaths.StandardLocation.AppLocalDataLocation
    return Path(QStandardPaths.writableLocation(where)) / "logs"


def _keep(path: Path, stack: str) -> None:
    """Add the stack of a crash to those before. Raises OSError."""
    if path.exists() and path.stat().st_size > LARGE:
        os.replace(path, path.with_name(f"{path.name}.1"))
    with open(path, "a", encoding="utf-8") as file:
        file.write(f"Found {time.strftime('%Y-%m-%d %H:%M:%S')}:\n{stack.strip()}\n\n")
