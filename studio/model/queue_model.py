"""The queue as the window shows it: what waits, in which order, and what is trained meanwhile."""

from msgspec.structs import replace
from PySide6.QtCore import QObject, Signal

from engine.contract.messages import (
    GetQueue,
    MoveRun,
    Progress,
    Queue,
    Request,
    RunInfo,
    SetQueue,
    TakeOut,
)
from studio.link.link import Link
from studio.model.ask import ask
from studio.model.runs_model import RunsModel
from studio.model.standing import ACTIVE
from studio.model.tasks import spawn


class QueueModel(QObject):
    """Names of the runs that wait, the next first; nothing waits while there is no engine."""

    changed = Signal()  # what waits, its order, whether it is held, or what is trained
    progressed = Signal()  # how far that is

    def __init__(self, link: Link, runs: RunsModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._link, self._runs = link, runs
        self.names: tuple[str, ...] = ()
        self.held = False
        self.at_once = 1
        self._progress: dict[str, Progress] = {}
        link.opened.connect(self._on_opened)
        link.closed.connect(self._on_closed)
        link.noticed.connect(self._on_noticed)
        runs.changed.connect(self.changed)
        runs.progressed.connect(self._on_progress)

    @property
    def waiting(self) -> list[RunInfo]:
        """The runs that wait, as far as they are known."""
        found = (self._runs.find(name) for name in self.names)
        return [info for info in found if info is not None and info.state == "queued"]

    @property
    def training(self) -> list[RunInfo]:
        """The runs that are at work, the oldest first."""
        return [info for info in reversed(self._runs.runs) if info.state in ACTIVE]

    @property
    def will_go_on(self) -> bool:
        """Whether something will begin without another word."""
        return not self.held and any(not info.message for info in self.waiting)

    def progress(self, run: str) -> Progress | None:
        """The newest heartbeat of a run."""
        return self._progress.get(run)

    async def refresh(self) -> None:
        """Ask the engine what waits. Raises Refusal or LinkClosed."""
        await self._change(GetQueue(0))

    async def move(self, run: str, place: int) -> None:
        """Let a run wait at `place`, 0: next; what was wrong with it is tried again."""
        await self._change(MoveRun(0, run, place))

    async def take_out(self, run: str) -> None:
        """Let a run wait no more."""
        await self._change(TakeOut(0, run))

    async def hold(self, held: bool) -> None:
        """Begin nothing new, or go on."""
        await self._change(SetQueue(0, held=held))

    async def set_at_once(self, count: int) -> None:
        """How many runs are trained at once on each device."""
        await self._change(SetQueue(0, at_once=count))

    async def _change(self, request: Request) -> None:
        answer, _ = await ask(self._link, lambda id: replace(request, id=id), Queue)
        self._take(answer)

    def _take(self, queue: Queue) -> None:
        self.names, self.held, self.at_once = queue.runs, queue.held, queue.at_once
        if any(r.state == "queued" and r.name not in queue.runs for r in self._runs.runs):
            spawn(self._runs.refresh(), refused=lambda why: None)  # it began, or is gone
        self.changed.emit()

    def _on_opened(self, hello: object) -> None:
        spawn(self.refresh(), refused=lambda why: None)  # a dead engine says so by itself

    def _on_closed(self, why: str) -> None:
        self.names = ()
        self._progress.clear()
        self.changed.emit()

    def _on_noticed(self, message: object, payload: object) -> None:
        if isinstance(message, Queue):
            self._take(message)

    def _on_progress(self, progress: Progress) -> None:
        self._progress[progress.run] = progress
        self.progressed.emit()
