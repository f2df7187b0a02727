"""Other models beside the one in hand, and the truth: asked for the same jump from one x_t."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from msgspec import structs
from PySide6.QtCore import QObject, Signal

from engine.contract.catalogue import Model
from engine.contract.maps import map_problem
from engine.contract.messages import (
    SUPERSEDED,
    Carrier,
    Follow,
    Followed,
    Jump,
    Opened,
    OpenModel,
)
from studio.link.link import Link, LinkClosed, LinkError, Refusal
from studio.model.ask import ask
from studio.model.explore_model import ExploreModel
from studio.model.explore_sampler import fitting, known
from studio.model.newest import Newest
from studio.model.states import States, read_followed, read_states

MOST = 4  # beside the one in hand
TRUTH = "truth"  # name of a companion that is no model: the flow of the data set itself
ORIGIN = "origin"  # and of another one: the data that x_t came from
REST = 0.1  # seconds without a wish before the true flow is sought


@dataclass(eq=False)
class Companion:
    """A model beside the one in hand, and what it makes of the jump; `problem` is why nothing.

    `beside` are the states of the model in hand that `states` are to be compared with.
    """

    name: str
    model: Model
    states: States | None = None
    beside: States | None = None
    gap: float | None = None  # from the ends of the model in hand, of the same jump
    problem: str = ""

    def take(self, states: States, beside: States) -> None:
        """An answer, and what it stands beside."""
        self.states, self.beside, self.problem = states, beside, ""
        self.gap = apart(states, beside)

    def fail(self, problem: str) -> None:
        """There is no answer, and why."""
        self.states, self.beside, self.gap, self.problem = None, None, None, problem


class Companions(QObject):
    """They follow every jump of the explorer, in the order in which they were added."""

    changed = Signal()  # which models there are
    states_changed = Signal()

    def __init__(self, link: Link, explore: ExploreModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._link, self._explore = link, explore
        self.all: list[Companion] = []
        self._next = 0  # whose turn it is
        self._sealed: dict[str, int] = {}  # the newest step that is known of a run
        self._follows, self._seeks = Newest(self._follow), Newest(self._seek)
        self._reopens = Newest(self._reopen)
        explore.states_changed.connect(self._on_states)
        explore.model_changed.connect(self._on_model)
        link.closed.connect(lambda why: self._follows.forget())
        link.closed.connect(lambda why: self._seeks.forget())
        link.closed.connect(lambda why: self._reopens.forget())

    async def add(self, name: str) -> None:
        """Put a model beside the one in hand. Raises Refusal or LinkClosed."""
        if name in (self._explore.name, *(other.name for other in self.all)):
            raise Refusal(f"{name} is there already.")
        if len(self.all) >= MOST:
            raise Refusal(f"At most {MOST} models stand beside the first; take one away.")
        mine = self._explore.model
        if name in (TRUTH, ORIGIN):
            self._add_own(name, mine)
            return
        answer, _ = await ask(self._link, lambda id: OpenModel(id, name), Opened)
        mine = self._explore.model
        if mine is not None and answer.model.data.shape != mine.data.shape:
            raise Refusal(f"{answer.model.title} makes other samples than {mine.title}.")
        self.all.append(Companion(name, answer.model))
        self.changed.emit()
        self._follows.wish()

    def _add_own(self, name: str, mine: Model | None) -> None:
        problem = truth_problem(mine) if name == TRUTH else origin_problem(mine)
        if problem:
            raise Refusal(problem)
        assert mine is not None
        self.all.append(Companion(name, no_model(name, mine)))
        self.changed.emit()
        self._on_states()

    @property
    def models(self) -> list[Model]:
        """The models among them."""
        return [other.model for other in self.all if other.name not in (TRUTH, ORIGIN)]

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
            self._seeks.wish()

    def _on_model(self) -> None:
        """What makes other samples than the model in hand cannot stand beside it."""
        mine = self._explore.model
        if mine is None:
            return
        for other in [c for c in self.all if c.model.data.shape != mine.data.shape]:
            self.remove(other.name)
        for other in self.all:
            if other.name in (TRUTH, ORIGIN) and other.model != no_model(other.name, mine):
                other.model = no_model(other.name, mine)
                self.changed.emit()

    def refresh(self, run: str, step: int) -> None:
        """A run sealed a checkpoint: open its newest weights where they stand beside."""
        self._sealed[run] = step
        if self._outdated():
            self._reopens.wish()

    def _outdated(self) -> list[Companion]:
        return [other for other in self.all if self._sealed.get(other.name, -1) > other.model.step]

    async def _reopen(self) -> None:
        """Each once, in turn: what is sealed while one is opened waits for the next turn."""
        for other in self._outdated():
            try:
                answer, _ = await ask(self._link, partial(OpenModel, model=other.name), Opened)
            except LinkError:
                continue  # its next jump says why
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
            if other.name == TRUTH:
                continue
            try:
                await self._jump(other, states)
            except LinkClosed:
                return
            except LinkError as error:
                if str(error) == SUPERSEDED:
                    self._follows.wish()
                    return
                other.fail(str(error))
            if other in self.all:
                self.states_changed.emit()

    async def _seek(self) -> None:
        """Ask where the true flow leads, once the hand rests: it takes a while."""
        await self._explore.still(REST)
        states = self._explore.states
        other = next((other for other in self.all if other.name == TRUTH), None)
        if states is None or other is None or self._seeks.waiting:
            return
        explore = self._explore
        asked = Follow(0, explore.name, states.source, states.t, states.s, sampler=explore.sampler)
        try:
            answer, payload = await ask(
                self._link, lambda id: structs.replace(asked, id=id), Followed
            )
            other.take(read_followed(asked, answer, payload), states)
        except LinkClosed:
            return
        except LinkError as error:
            if str(error) == SUPERSEDED:
                self._seeks.wish()  # a jump went before it
                return
            other.fail(str(error))
        self.states_changed.emit()

    async def _jump(self, other: Companion, states: States) -> None:
        if other.name == ORIGIN:
            await self._look_back(other, states)
            return
        asked = Jump(
            0,
            other.name,
            states.source,
            known(other.model, states.t),
            known(other.model, states.s),
            states.steps,
            sampler=fitting(self._explore.sampler_between(states.t, states.s), other.model),
            carrier=Carrier(self._explore.name, self._explore.sampler),
        )
        answer, payload = await self._explore.ask_jump(asked)
        other.take(read_states(asked, answer, payload), states)

    async def _look_back(self, other: Companion, states: States) -> None:
        """Data is x_t at t = 0."""
        if states.source.kind == "noise":
            other.fail("Noise comes from no data.")
            return
        asked = Jump(0, self._explore.name, states.source, 0.0, 0.0)
        found = read_states(asked, *await self._explore.ask_jump(asked))
        other.take(replace(found, t=states.t, s=states.s), states)


def origin_problem(model: Model | None) -> str:
    """Why the data that x_t came from cannot stand beside it; "" where it can."""
    if model is None:
        return "Open a model first."
    return "" if model.data.kind == "images" else "Points are seen where they came from at t = 0."


def truth_problem(model: Model | None) -> str:
    """Why the true flow cannot stand beside a model, one sentence; "" where it can."""
    if model is None:
        return "Open a model first."
    if model.data.kind == "points":
        return "The exact places of points are drawn as rings already."
    return map_problem("error", model)


def no_model(name: str, mine: Model) -> Model:
    """What stands beside a model and is none, as it is named there."""
    return Model(name, mine.data.title, name, "flow map", mine.data, 0, 0.0)


def apart(one: States | None, other: States | None) -> float | None:
    """Root mean square of the difference of two ends, in the data's units; None of other jumps."""
    if one is None or other is None or one.source != other.source:
        return None
    if (one.t, one.s) != (other.t, other.s) or one.x_s.shape != other.x_s.shape:
        return None
    difference = one.x_s.astype(np.float32) - other.x_s
    scale = 127.5 if one.x_s.dtype == np.uint8 else 1.0
    return float(np.sqrt(np.mean(np.square(difference)))) / scale
