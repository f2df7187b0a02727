"""Closing the window while a training runs: asked inside the window, never lost."""

import asyncio
import time

from PySide6.QtCore import QObject
from PySide6.QtGui import QCloseEvent

from engine.contract.messages import RunInfo
from studio.model.models import Models
from studio.model.run_model import RunModel
from studio.model.tasks import spawn
from studio.view import words
from studio.view.window import Window

PATIENCE = 60.0  # seconds to wait for a training to save; the engine saves on its own after that
KEY = "leave"


class Leaving(QObject):
    """Holds the window open until its trainings are stopped and saved, or the answer is no."""

    def __init__(self, models: Models, window: Window) -> None:
        super().__init__(window)
        self._models, self._window = models, window
        self._agreed = False
        window.closing.connect(self._on_closing)

    def active(self) -> list[RunInfo]:
        """The trainings that run now."""
        if self._models.engine.state != "ready":
            return []
        return [run for run in self._models.runs.runs if run.state in words.ACTIVE]

    def leave(self) -> None:
        """Close without asking: the engine saves what runs."""
        self._agreed = True
        self._window.close()

    def stop_and_leave(self) -> None:
        """Stop what runs, wait until it is saved, and close."""
        self._agreed = True
        self._window.notices.tell("Stopping and saving …", key=KEY)
        spawn(self._stop_all(), refused=lambda why: self.leave())

    def _on_closing(self, event: QCloseEvent) -> None:
        active = self.active()
        if self._agreed or not active:
            return
        event.ignore()
        names = " and ".join(run.name for run in active[:2])
        verb = "is" if len(active) == 1 else "are"
        notice = self._window.notices.tell(
            f"{names} {verb} still training. Nothing is lost: it can be resumed where it stops.",
            "warning",
            KEY,
            [("Stop and save", self.stop_and_leave), ("Cancel", lambda: None)],
        )
        notice.buttons[0].setFocus()

    async def _stop_all(self) -> None:
        for info in self.active():
            if info.state != "stopping":
                run = RunModel(self._models.link, info)
                await run.control("stop")
                run.deleteLater()
        until = time.monotonic() + PATIENCE
        while self.active() and time.monotonic() < until:
            await asyncio.sleep(0.05)
        self.leave()
