"""Checks that the engine makes beside everything else: a run proved anew, a spec tried in small."""

from typing import Generic, TypeVar

from msgspec.structs import replace
from PySide6.QtCore import QObject, Signal

from engine.contract.messages import (
    CancelCheck,
    CheckProgress,
    Done,
    Message,
    Request,
    Tried,
    TryStep,
    Verified,
    VerifyRun,
)
from engine.contract.specs import RunSpec
from studio.link.link import Link, LinkError
from studio.model.ask import ask
from studio.model.tasks import spawn

Answer = TypeVar("Answer", bound=Message)


class CheckModel(QObject, Generic[Answer]):
    """One check at a time: how far it is, then its answer, or why it was refused.

    One that was cancelled leaves nothing.
    """

    changed = Signal()

    def __init__(self, link: Link, answered: type[Answer], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._link, self._answered = link, answered
        self.running = self.cancelled = False
        self.done = self.total = 0
        self.answer: Answer | None = None
        self.problem = ""
        self._id = -1
        link.noticed.connect(self._on_noticed)

    def cancel(self) -> None:
        """Give up the check that is under way."""
        if self.running and not self.cancelled:
            self.cancelled = True
            spawn(self._cancel(), refused=lambda why: None)
            self.changed.emit()

    def forget(self) -> None:
        """Show nothing of the last check any more."""
        if not self.running:
            self.answer, self.problem = None, ""
            self.changed.emit()

    def _begin(self, request: Request) -> None:
        if not self.running:
            self.running, self.cancelled, self.done, self.total = True, False, 0, 0
            self.answer, self.problem = None, ""
            spawn(self._ask(request))
            self.changed.emit()

    async def _ask(self, request: Request) -> None:
        def numbered(id: int) -> Request:
            self._id = id
            return replace(request, id=id)

        try:
            self.answer, _ = await ask(self._link, numbered, self._answered)
        except LinkError as error:
            self.problem = "" if self.cancelled else str(error)
        finally:
            self.running, self._id = False, -1
        self.changed.emit()

    async def _cancel(self) -> None:
        check = self._id
        await ask(self._link, lambda id: CancelCheck(id, check), Done)

    def _on_noticed(self, message: object, payload: object) -> None:
        if isinstance(message, CheckProgress) and message.check == self._id:
            self.done, self.total = message.done, message.total
            self.changed.emit()


class VerifyModel(CheckModel[Verified]):
    """Whether training a run anew gives what lies on the disk."""

    def __init__(self, link: Link, parent: QObject | None = None) -> None:
        super().__init__(link, Verified, parent)
        self.run = ""

    def verify(self, run: str) -> None:
        """Train its newest stretch anew and compare, unless one is under way."""
        if not self.running:
            self.run = run
            self._begin(VerifyRun(0, run))


class TrialModel(CheckModel[Tried]):
    """What a training would take."""

    def __init__(self, link: Link, parent: QObject | None = None) -> None:
        super().__init__(link, Tried, parent)
        self.spec: RunSpec | None = None  # that was tried

    def attempt(self, spec: RunSpec) -> None:
        """Train a few steps of it, unless one is under way."""
        if not self.running:
            self.spec = spec
            self._begin(TryStep(0, spec))
