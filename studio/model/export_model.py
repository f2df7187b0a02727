"""An export that the engine makes beside everything else: how far it is, and what came of it."""

from collections import deque
from pathlib import Path
from typing import NamedTuple

from PySide6.QtCore import QObject, Signal

from engine.contract.messages import (
    CancelExport,
    Done,
    Export,
    Exported,
    ExportProgress,
    Hello,
    Request,
)
from studio.link.link import Link, LinkClosed, LinkError
from studio.model.ask import ask
from studio.model.tasks import spawn


class _Wanted(NamedTuple):
    command: tuple[str, ...]
    path: Path
    values: bytes = b""


class ExportModel(QObject):
    """One export after the other; `now` is the file that is being made, `share` how much of it is.

    `share` is -1 while that is not known. `workspace` is the engine's, for commands.
    """

    changed = Signal()  # which file, how far, how many wait
    done = Signal(str)  # a path
    failed = Signal(str)  # a sentence

    def __init__(self, link: Link, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._link = link
        self.now: Path | None = None
        self.share = -1.0
        self.workspace = ""
        self._id = -1
        self._cancelled = False
        self._waiting: deque[_Wanted] = deque()
        link.opened.connect(self._on_opened)
        link.noticed.connect(self._on_noticed)

    @property
    def waiting(self) -> int:
        """How many exports wait for their turn."""
        return len(self._waiting)

    def start(self, command: tuple[str, ...], path: Path, values: bytes = b"") -> None:
        """Make a file with a command of the engine, when those before it are done.

        `values`, float32, are those of a map that is known already.
        """
        self._waiting.append(_Wanted(command, path, values))
        if self.now is None:
            self._next()
        self.changed.emit()

    def cancel(self) -> None:
        """Give up the export that is under way; those that wait go on."""
        if self.now is not None and not self._cancelled:
            self._cancelled = True
            if self._id >= 0:
                self._give_up()
            self.changed.emit()

    def _give_up(self) -> None:
        spawn(self._cancel(self._id), refused=lambda why: None)

    @property
    def cancelled(self) -> bool:
        """Whether the export that is under way is being given up."""
        return self._cancelled

    def _next(self) -> None:
        self._id, self.share, self._cancelled, self.now = -1, -1.0, False, None
        if self._waiting:
            wanted = self._waiting.popleft()
            self.now = wanted.path
            spawn(self._make(wanted))
        self.changed.emit()

    async def _make(self, wanted: _Wanted) -> None:
        def build(id: int) -> Request:
            self._id = id
            if self._cancelled:  # before it was asked for
                self._give_up()
            return Export(id, wanted.command, str(wanted.path), wanted.values)

        try:
            answer, _ = await ask(self._link, build, Exported)
            self.done.emit(answer.path)
        except LinkClosed as error:
            self._waiting.clear()
            self.failed.emit(str(error))
        except LinkError as error:
            if not self._cancelled:
                self.failed.emit(str(error))
        self._next()

    async def _cancel(self, export: int) -> None:
        await ask(self._link, lambda id: CancelExport(id, export), Done)

    def _on_opened(self, hello: Hello) -> None:
        self.workspace = hello.workspace

    def _on_noticed(self, message: object, payload: object) -> None:
        if isinstance(message, ExportProgress) and message.export == self._id:
            self.share = message.done / message.total if message.total else -1.0
            self.changed.emit()
