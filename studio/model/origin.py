"""What a run starts from: the spec of that model, asked for once."""

from functools import partial

from PySide6.QtCore import QObject, Signal

from engine.contract.messages import ReadStart, SpecAnswer
from engine.contract.specs import RunSpec
from studio.link.link import Link, LinkError, Refusal
from studio.model.ask import ask
from studio.model.newest import Newest


class Origin(QObject):
    """Follows a `start`: `spec` is that of the model, `problem` why there is none."""

    changed = Signal()

    def __init__(self, link: Link, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._link = link
        self.start = self._run = ""
        self.spec: RunSpec | None = None
        self.problem = ""
        self._asks = Newest(self._ask)
        link.opened.connect(lambda hello: self.again())

    def follow(self, start: str, run: str = "") -> None:
        """Ask for another one; of a `run` that has started, as its own copy of the weights says.

        The old problem stays until the new answer is there: it would flicker under who types.
        """
        if (start, run) == (self.start, self._run):
            return
        self.start, self._run, self.spec = start, run, None
        if start:
            self._asks.wish()
        else:
            self.problem = ""
        self.changed.emit()

    def again(self) -> None:
        """Something may have come that was not there before."""
        if self.start and self.spec is None:
            self._asks.wish()

    async def _ask(self) -> None:
        start, run = self.start, self._run
        if not start:
            return
        spec, problem = None, ""
        try:
            answer, _ = await ask(self._link, partial(ReadStart, start=start, run=run), SpecAnswer)
            spec = answer.spec
        except Refusal as error:
            problem = str(error)
        except LinkError:
            pass  # the engine's own state says so; it is asked again when there is one
        if (start, run) == (self.start, self._run) and (spec, problem) != (self.spec, self.problem):
            self.spec, self.problem = spec, problem
            self.changed.emit()
