"""Many wishes, one act: one call in each interval, and always one after the last wish."""

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer


class Throttle(QObject):
    """Call it as often as you like; `act` runs once in each interval in which it was called."""

    def __init__(self, act: Callable[[], None], parent: QObject, milliseconds: int = 33) -> None:
        super().__init__(parent)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(milliseconds)
        self._timer.timeout.connect(act)

    def __call__(self, *ignored: object) -> None:
        """Wish for the act; whatever a signal carries is ignored."""
        if not self._timer.isActive():
            self._timer.start()

    def cancel(self) -> None:
        """Forget the last wish."""
        self._timer.stop()
