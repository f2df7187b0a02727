"""The engine as the window shows it: its state in a word, a sentence, and its log."""

from collections import deque
from typing import Literal

from PySide6.QtCore import QObject, Signal

from engine.contract.messages import Detach, Done, EngineNote, Hello
from studio.link.link import Link
from studio.model.ask import ask

EngineState = Literal["starting", "ready", "stopped", "failed"]


class EngineModel(QObject):
    """Starts, stops and restarts the engine; `message` says in a sentence why it is not ready."""

    changed = Signal()
    logged = Signal(object)  # EngineNote

    def __init__(self, link: Link, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._link = link
        self.state: EngineState = "stopped"
        self.message = ""
        self.hello: Hello | None = None
        self.detached = False  # it trains on when this window leaves it
        self.log: deque[EngineNote] = deque(maxlen=1000)
        link.opened.connect(self._on_opened)
        link.closed.connect(self._on_closed)
        link.noticed.connect(self._on_noticed)

    async def start(self) -> None:
        """Start the engine unless it starts or runs; how it went is in `state` and `message`."""
        if self.state in ("starting", "ready"):
            return
        self._show("starting", "")
        await self._link.start()

    async def restart(self) -> None:
        """Stop the engine if it runs, and start a new one."""
        await self.stop()
        await self.start()

    async def detach(self, on: bool = True) -> None:
        """Let it train on when it is left, or no longer so. Raises Refusal or LinkClosed."""
        await ask(self._link, lambda id: Detach(id, on), Done)
        self.detached = on

    async def stop(self) -> None:
        """End the engine and return when it is gone; one that is detached is only left."""
        await (self._link.part() if self.detached else self._link.stop())

    def note(self, level: Literal["info", "warning", "error"], text: str) -> None:
        """Add a line of the window's own to the log."""
        self._log(EngineNote(level, text))

    def _on_opened(self, hello: Hello) -> None:
        self.hello, self.detached = hello, hello.detached
        self._show("ready", "")

    def _on_closed(self, why: str) -> None:
        self.hello, self.detached = None, False
        if why:
            self.note("error", why)
        self._show("failed" if why else "stopped", why)

    def _on_noticed(self, message: object, payload: object) -> None:
        if isinstance(message, EngineNote):
            self._log(message)

    def _log(self, note: EngineNote) -> None:
        self.log.append(note)
        self.logged.emit(note)

    def _show(self, state: EngineState, message: str) -> None:
        self.state, self.message = state, message
        self.changed.emit()
