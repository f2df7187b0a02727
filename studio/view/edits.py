"""Undo and redo, of the page that is in sight."""

from collections.abc import Mapping
from typing import Protocol

from PySide6.QtCore import QObject, SignalInstance

from studio.view.window import Window


class History(Protocol):
    """What can be taken back, and made again."""

    changed: SignalInstance

    @property
    def can_undo(self) -> bool:
        """Whether there is something to take back."""

    @property
    def can_redo(self) -> bool:
        """Whether something was taken back."""

    def undo(self) -> None:
        """Take the last change back."""

    def redo(self) -> None:
        """Make it again."""


class Edits(QObject):
    """Leads the two commands to the history of each page, by the page's title."""

    def __init__(self, window: Window, histories: Mapping[str, History]) -> None:
        super().__init__(window)
        self._window, self._histories = window, histories
        self._undo, self._redo = window.actions_["edit.undo"], window.actions_["edit.redo"]
        self._undo.triggered.connect(self._take_back)
        self._redo.triggered.connect(self._make_again)
        window.page_changed.connect(self._show)
        for history in histories.values():
            history.changed.connect(self._show)
        self._show()

    @property
    def _history(self) -> History | None:
        return self._histories.get(self._window.page_title())

    def _take_back(self) -> None:
        if self._history is not None:
            self._history.undo()

    def _make_again(self) -> None:
        if self._history is not None:
            self._history.redo()

    def _show(self) -> None:
        history = self._history
        self._undo.setEnabled(history is not None and history.can_undo)
        self._redo.setEnabled(history is not None and history.can_redo)
