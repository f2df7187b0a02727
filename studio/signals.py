"""Ctrl-C and the end of the session, as a person's wish to close the window."""

import signal
import socket
from collections.abc import Callable

from PySide6.QtCore import QSocketNotifier


class Signals:
    """Calls `leave` for SIGINT and SIGTERM, until `release`.

    Python runs a handler only when it next has something to do, which under Qt's loop may be
    never; so the signal writes a byte to a socket that Qt watches.
    """

    def __init__(self, leave: Callable[[], None]) -> None:
        self._leave = leave
        self._reads, self._writes = socket.socketpair()
        for end in (self._reads, self._writes):
            end.setblocking(False)
        self._wakeup = signal.set_wakeup_fd(self._writes.fileno(), warn_on_full_buffer=False)
        wanted = (signal.SIGINT, signal.SIGTERM)
        self._before = {n: signal.signal(n, lambda number, frame: None) for n in wanted}
        kind = QSocketNotifier.Type.Read
        self._notifier = QSocketNotifier(self._reads.fileno(), kind)
        self._notifier.activated.connect(self._came)

    def release(self) -> None:
        """Put everything back."""
        self._notifier.setEnabled(False)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        self._reads.close()
        self._writes.close()

    def _came(self) -> None:
        self._reads.recv(64)
        self._leave()
