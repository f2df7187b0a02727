"""Other models beside the one in hand: asked for the same jump, from the same noise."""

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QObject, Signal

from engine.contract.catalogue import Model
from engine.contract.messages import SUPERSEDED, Jump, Opened, OpenModel
from studio.link.link import Link, LinkClosed, LinkError, Refusal
from studio.model.ask import ask
from studio.model.explore_model import ExploreModel
from studio.model.explore_sampler import fitting, known
from studio.model.newest import Newest
from studio.model.states import States, read_states
from studio.model.tasks import spawn

MOST = 4  # beside the one in hand


@dataclass(eq=False)
class Companion:
    """A model beside the one in hand, and what it makes of the jump; `problem` is why nothing."""

    name: str
    model: Model
    states: States | None = None
    gap: float | None = None  # from the ends of the model in hand, of the same jump
    problem: str = ""


class Companions(QObject):
    """They follow every jump of the explorer, in the order in which they were added."""

    changed = Signal()  # which models there are
    states_changed = Signal()

    def __init__(self, link: Link, explore: ExploreModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._link, self._explore = link, explore
        self.all: list[Companion] = []
        self._next = 0  # whose turn it is
        self._follows = Newest(self._follow)
        explore.states_changed.connect(self._on_states)
        explore.model_changed.connect(self._on_model)
        link.closed.connect(lambda why: self._follows.forget())

    async def add(self, name: str) -> None:
        """Put a model beside the one in hand. Raises Refusal or LinkClosed."""
        if name in (self._explore.name, *(other.name for other in self.all)):
            raise Refusal(f"{name} is there already.")
        if len(self.all) >= MOST:
            raise Refusal(f"At most {MOST} models stand beside the first; take one away.")
        answer, _ = await ask(self._link, lambda id: OpenModel(id, name), Opened)
        mine = self._explore.model
        if mine is not None and answer.model.data.shape != mine.data.shape:
            raise Refusal(f"{answer.model.title} makes other samples than {mine.title}.")
        self.all.append(Companion(name, answer.model))
        self.changed.emit()
        self._follows.wish()

    def remove(self, name: str) -> None:
        """Take a model away."""
        left = [other for other in self.all if other.name != name]
        if len(left) != len(self.all):
            self.all = left
            self.changed.emit()
            self.states_changed.emit()

    def _on_states(self) -> None:
        if self.all:
            self._follows.wish()

    def _on_model(self) -> None:
        """What makes other samples than the model in hand cannot stand beside it."""
        mine = self._explore.model
        if mine is not None:
            for other in [c for c in self.all if c.model.data.shape != mine.data.shape]:
                self.remove(other.name)

    def refresh(self, run: str, step: int) -> None:
        """A run sealed a checkpoint: open its newest weights where they stand beside."""
        for other in self.all:
            if other.name == run and step > other.model.step:
                spawn(self._reopen(other), refused=lambda why: None)  # its next jump says why

    async def _reopen(self, other: Companion) -> None:
        answer, _ = await ask(self._link, lambda id: OpenModel(id, other.name), Opened)
        other.model = answer.model
        self.changed.emit()
        self._on_states()

    async def _follow(self) -> None:
        """Ask each once, in turn: where jumps come faster than answers, none is left behind."""
        for _ in list(self.all):
            states = self._explore.states
            if states is None or not self.all:
                return
            other = self.all[self._next % len(self.all)]
            self._next += 1
            try:
                await self._jump(other, states)
            except LinkClosed:
                return
            except LinkError as error:
                if str(error) == SUPERSEDED:
                    self._follows.wish()
                    return
                other.states, other.gap, other.problem = None, None, str(error)
            if other in self.all:
                self.states_changed.emit()

    async def _jump(self, other: Companion, states: States) -> None:
        asked = Jump(
            0,
            other.name,
            states.source,
            known(other.model, states.t),
            known(other.model, states.s),
            states.steps,
            sampler=fitting(self._explore.sampler, other.model),
        )
        answer, payload = await self._explore.ask_jump(asked)
        other.states, other.problem = read_states(asked, answer, payload), ""
        other.gap = apart(other.states, states)


def apart(one: States | None, other: States | None) -> float | None:
    """Root mean square of the difference of two ends, in the data's units; None of other jumps."""
    if one is None or other is None or one.source != other.source:
        return None
    if (one.t, one.s) != (other.t, other.s) or one.x_s.shape != other.x_s.shape:
        return None
    difference = one.x_s.astype(np.float32) - other.x_s
    scale = 127.5 if one.x_s.dtype == np.uint8 else 1.0
    return float(np.sqrt(np.mean(np.square(difference)))) / scale
