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
from studio.view.widgets.notice import Answer
from studio.view.window import Window

PATIENCE = 60.0  # seconds to wait for a training to save; the engine saves on its own after that
KEY = "leave"


class Leaving(QObject):
    """Holds the window open until a person has said what becomes of what runs."""

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
        """Close without asking: the engine saves what runs, or trains on where that was agreed."""
        self._agreed = True
        self._window.close()

    def keep_and_leave(self) -> None:
        """Close, and let what runs and what waits go on without a window."""
        self._window.notices.tell("Letting it train on …", key=KEY)
        spawn(self._keep(), refused=self._refuse_to_keep)

    def stop_and_leave(self) -> None:
        """Stop what runs, wait until it is saved, and close."""
        self._agreed = True
        self._window.notices.tell("Stopping and saving …", key=KEY)
        spawn(self._stop_all(), refused=lambda why: self.leave())

    def _on_closing(self, event: QCloseEvent) -> None:
        waits = self._models.engine.state == "ready" and self._models.queue.will_go_on
        if self._agreed or not (self.active() or waits):
            return
        event.ignore()
        self._ask(self._what_goes_on() + " Nothing is lost: it can be resumed where it stops.")

    def _ask(self, sentence: str, may_stay: bool = True) -> None:
        stay: list[Answer] = [("Keep training in the background", self.keep_and_leave)]
        others: list[Answer] = [("Stop and save", self.stop_and_leave), ("Cancel", lambda: None)]
        answers = [*(stay if may_stay else []), *others]
        notice = self._window.notices.tell(sentence, "warning", KEY, answers)
        notice.buttons[0].setFocus()

    def _what_goes_on(self) -> str:
        active, waiting = self.active(), len(self._models.queue.waiting)
        names = " and ".join(run.name for run in active[:2])
        more = f" and {len(active) - 2} more" if len(active) > 2 else ""
        text = f"{names}{more} {'is' if len(active) == 1 else 'are'} still training"
        wait = f"{words.plural(waiting, 'run waits', 'runs wait')} in the queue"
        return f"{', and '.join(([text] if active else []) + ([wait] if waiting else []))}."

    def _refuse_to_keep(self, why: str) -> None:
        self._ask(f"It cannot train on without this window: {why}", may_stay=False)

    async def _keep(self) -> None:
        await self._models.engine.detach()
        self._models.session.kept = [run.name for run in self.active()]
        self.leave()

    async def _stop_all(self) -> None:
        if self._models.engine.detached:  # first: what is refused after it ends with the window
            await self._models.engine.detach(False)
        if self._models.queue.will_go_on:
            await self._models.queue.hold(True)  # else the next would begin where one stops
        for info in self.active():
            if info.state != "stopping":
                run = RunModel(self._models.link, info)
                await run.control("stop")
                run.deleteLater()
        until = time.monotonic() + PATIENCE
        while self.active() and time.monotonic() < until:
            await asyncio.sleep(0.05)
        self.leave()
