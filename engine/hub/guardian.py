"""A process in front of the hub, so that the hub can outlive whoever started it.

The window (or sshd) waits for the process that it started, and ends it by a signal where it must.
That process is the guardian: it hands signals on, ends as the hub ended, and lets go of a hub that
is to live on. Imports next to nothing and forks before there is any thread.
"""

import contextlib
import os
import signal
from pathlib import Path
from typing import NoReturn

from engine.worker.parent import leave_with_parent

_LONG = 4 << 20  # bytes of a log
_SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP")


class Guarded:
    """The hub's side: where nobody guards it, letting go is nothing."""

    def __init__(self, guardian: int = -1) -> None:
        self._guardian = guardian

    def outlive(self, wanted: bool) -> None:
        """The death of the guardian, or of its terminal, ends the hub no longer, or does again."""
        if self._guardian < 0:
            return
        leave_with_parent(not wanted)
        if wanted:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            with contextlib.suppress(PermissionError):  # it leads a session already
                os.setsid()

    def let_go(self, log: Path) -> None:
        """End the guardian: its stream is over, and the hub lives on, with a log of its own."""
        if self._guardian < 0:
            return
        log_to(log)
        with contextlib.suppress(OSError):
            os.write(self._guardian, b"!")
        os.close(self._guardian)
        self._guardian = -1


def log_to(log: Path) -> None:
    """Write to a file from now on what is printed; a long one starts over."""
    with contextlib.suppress(OSError):
        long = log.exists() and log.stat().st_size > _LONG
        with open(log, "wb" if long else "ab") as file:
            os.dup2(file.fileno(), 2)
            os.dup2(file.fileno(), 1)


def guarded() -> Guarded:
    """Go on in a child of this process, which stays behind as its guardian."""
    if not hasattr(os, "fork"):
        return Guarded()
    told, tell = os.pipe()
    hub = os.fork()
    if hub:
        os.close(tell)
        _guard(hub, told)
    os.close(told)
    leave_with_parent()
    return Guarded(tell)


def _guard(hub: int, told: int) -> NoReturn:
    """Hold neither stream, hand signals on, and end as the hub ends; or when it is to live on."""
    for name in _SIGNALS:
        signal.signal(getattr(signal, name), lambda kind, _: _send(hub, kind))
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    if os.read(told, 1):  # nothing, where the hub has ended
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(hub, 0)[1])
    if code < 0:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if -code not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def _send(hub: int, kind: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(hub, kind)
