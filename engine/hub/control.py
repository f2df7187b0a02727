"""One hub at a time trains in a workspace; any other one shows it."""

import contextlib
import os
from pathlib import Path

import msgspec

from engine.contract.errors import UserError
from engine.contract.locking import take
from engine.runs.errors import RunError, disk_sentence

FILE = "hub.lock"
_LENGTH = 80  # bytes, always: whoever reads meanwhile finds the old ones or the new


class Holder(msgspec.Struct, frozen=True):
    """Who trains: the hub's process, and that of its window, 0 where it has none."""

    hub: int = 0
    window: int = 0


class Control:
    """The right to train in a workspace: the system frees it with the process that has it."""

    def __init__(self, workspace: Path) -> None:
        self._workspace, self._path = workspace, workspace / FILE
        self._handle: int | None = None
        self._window = 0

    @property
    def held(self) -> bool:
        """Whether it is here."""
        return self._handle is not None

    def take(self) -> None:
        """Take it, or keep it. Raises UserError, naming who has it."""
        if self._handle is not None:
            return
        try:
            self._workspace.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
            handle = os.open(self._path, flags, 0o644)
        except OSError as error:
            raise RunError(disk_sentence("train in", self._workspace, error)) from error
        if not take(handle):
            os.close(handle)
            raise UserError(self._refusal())
        self._handle = handle
        self._write()

    def release(self) -> None:
        """Give it back."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def shown_in(self, window: int) -> None:
        """The window that is attached now, by its process; 0: none."""
        self._window = window
        if self._handle is not None:
            self._write()

    def _write(self) -> None:
        assert self._handle is not None
        content = msgspec.json.encode(Holder(os.getpid(), self._window)).ljust(_LENGTH)
        with contextlib.suppress(OSError):  # it only names who has it
            os.lseek(self._handle, 0, os.SEEK_SET)
            os.write(self._handle, content)

    def _refusal(self) -> str:
        holder = self._holder()
        if holder.window:
            who = f"is open in another window (process {holder.window}), which trains in it"
            return f"{self._workspace} {who}; use that one, or close it."
        who = f"trained in by a program without a window (process {holder.hub})"
        return f"{self._workspace} is {who}; open this window again to be shown it."

    def _holder(self) -> Holder:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Holder)
        except (OSError, msgspec.DecodeError):
            return Holder()
