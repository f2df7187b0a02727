"""After a studio that died: take up where it was, or start fresh; asked inside the window."""

from collections.abc import Callable

from PySide6.QtCore import QObject

from studio.view.window import Window

KEY = "last-time"
QUESTION = (
    "Flow Map Studio did not close properly last time. Nothing that was saved is lost; "
    "what was in hand has not been opened again yet."
)


class LastTime(QObject):
    """While it is `asking` nothing is taken up and nothing of the last time is overwritten."""

    def __init__(
        self, window: Window, take_up: Callable[[], object], report: Callable[[], object]
    ) -> None:
        super().__init__(window)
        self.asking = False
        self._window, self._take_up, self._report = window, take_up, report

    def ask(self) -> None:
        """Ask, in a notice that waits; to close it is to start fresh."""
        self.asking = True
        notice = self._window.notices.tell(
            QUESTION,
            "warning",
            KEY,
            [
                ("Take up where you were", self._take_up),
                ("Start fresh", lambda: None),
                ("Report", self._report_and_ask),
            ],
        )
        notice.left.connect(self._answered)

    def _answered(self) -> None:
        self.asking = False

    def _report_and_ask(self) -> None:
        """A report is no answer."""
        self._report()
        self.ask()
