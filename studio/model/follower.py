"""Questions about the jump in hand, asked anew after each of its answers."""

import time
from typing import ClassVar

from msgspec import structs
from PySide6.QtCore import QObject, Signal

from engine.contract.messages import SUPERSEDED, Message, Request
from studio.link.link import Link, LinkClosed, LinkError
from studio.model.ask import ask
from studio.model.explore_model import ExploreModel
from studio.model.newest import Newest
from studio.model.tracing import REST, TICK


class Follower(QObject):
    """One question at a time; what fails is a `problem`.

    What is `heavy` would keep the next jump waiting: once it was slow, or gave way to one, it is
    asked when the hand rests.
    A kind of it says what to ask (`question`), what is answered with (`answered`), what to do with
    the answer (`take`), and how to forget it (`drop`).
    """

    changed = Signal()
    answered: ClassVar[type[Message]]
    heavy: ClassVar[bool] = False

    def __init__(self, link: Link, explore: ExploreModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._link, self._explore = link, explore
        self.problem = ""
        self._asks = Newest(self._ask)
        self._patient = False  # the last answer was slow, or gave way
        explore.states_changed.connect(self._wish)
        explore.model_changed.connect(self._on_model)
        link.closed.connect(lambda why: self._asks.forget())

    def question(self) -> Request | None:
        """What to ask now, None for nothing."""
        raise NotImplementedError

    def take(self, asked: Request, answer: Message, payload: bytes) -> None:
        """Keep an answer. Raises Refusal where it cannot be read."""
        raise NotImplementedError

    def drop(self) -> None:
        """Forget what was answered."""
        raise NotImplementedError

    def fail(self, asked: Request, why: str) -> None:
        """It was refused."""
        self.drop()
        self.problem = why

    def _on_model(self) -> None:
        """Nothing stays of another model; of another step of it, until there is newer."""
        if self._explore.states is None:
            self.drop()
        self.problem = ""
        self.changed.emit()
        self._wish()

    def _wish(self) -> None:
        if self.question() is not None:
            self._asks.wish()

    @property
    def _may_now(self) -> bool:
        """Whether nothing heavy is asked while a jump is on its way."""
        explore, states = self._explore, self._explore.states
        if not self._patient or states is None:
            return True
        return (states.t, states.s, states.source) == (explore.t, explore.s, explore.source)

    async def _ask(self) -> None:
        if self._patient:
            await self._asks.quiet(REST)
            await self._explore.still(REST)
        asked, name = self.question(), self._explore.name
        if asked is None or self._asks.waiting or not self._may_now:
            return  # the answer to a jump that is on its way leads here again
        began = time.perf_counter()
        try:
            build = lambda id: structs.replace(asked, id=id)  # noqa: E731
            answer, payload = await ask(self._link, build, self.answered)
            if name != self._explore.name:
                return
            self.take(asked, answer, payload)
            self.problem = ""
        except LinkClosed:
            return
        except LinkError as error:
            if str(error) == SUPERSEDED:
                self._patient = self.heavy
                self._asks.wish()
                return
            if name != self._explore.name:
                return  # the model that was asked is not in hand any more
            self.fail(asked, str(error))
        self._patient = self.heavy and time.perf_counter() - began > TICK
        self.changed.emit()
