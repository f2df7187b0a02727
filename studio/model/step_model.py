"""One training step of the model in hand, opened: its terms, asked for while they are looked at."""

import asyncio
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from engine.contract.equations import EQUATIONS, Equation
from engine.contract.messages import SUPERSEDED, OpenStep, StepOpened
from studio.link.link import Link, LinkClosed, LinkError
from studio.model.ask import ask
from studio.model.explore_model import ExploreModel
from studio.model.newest import Newest
from studio.model.states import read_arrays

COUNT = 8  # samples of the batch


class Step(NamedTuple):
    """A step as it was opened: `terms` float32 (rows,) or [rows, ...], nan where a row has none."""

    method: str
    step: int
    loss: float
    terms: dict[str, NDArray[np.float32]]
    notes: tuple[str, ...]

    @property
    def equation(self) -> Equation:
        """What the method regresses."""
        return EQUATIONS[self.method]

    def cosine(self, one: str, other: str) -> NDArray[np.float32]:
        """The cosine of two terms on each row, nan where one of them is nothing."""
        a, b = (self.terms[name].reshape(len(self.terms["t"]), -1) for name in (one, other))
        lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        found = np.full(len(a), np.nan, np.float32)
        np.divide((a * b).sum(1), lengths, out=found, where=lengths > 0)
        return found


class StepModel(QObject):
    """Follows the explorer while it is `open`: another model, step or seed is another batch."""

    changed = Signal()

    def __init__(self, link: Link, explore: ExploreModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._link, self._explore = link, explore
        self.open = False
        self.step: Step | None = None
        self.problem = ""
        self._known: tuple[object, ...] = ()
        self._asks = Newest(self._ask)
        explore.model_changed.connect(self._on_model)
        explore.settings_changed.connect(self._follow)

    def toggle(self, on: bool | None = None) -> None:
        """Open or close it."""
        self.open = not self.open if on is None else on
        self._known = self._known if self.open and self.step else ()
        self._follow()
        self.changed.emit()

    def _on_model(self) -> None:
        """Also after the engine came back: what was refused is asked once more."""
        self._known = () if self.problem else self._known
        self._follow()

    def _follow(self) -> None:
        model = self._explore.model
        if not self.open or model is None:
            return
        wanted = model.name, model.step, self._explore.source.seed
        if wanted != self._known:
            self._known = wanted
            self._asks.wish()

    async def _ask(self) -> None:
        known, model = self._known, self._explore.model
        if model is None or not self.open:
            return
        found, problem, seed = None, "", self._explore.source.seed
        try:
            answer, payload = await ask(
                self._link, lambda id: OpenStep(id, model.name, seed, COUNT), StepOpened
            )
            terms = read_arrays(answer, payload, "t", "s", "x_t", "answer", "target", "loss")
            if answer.method in EQUATIONS:
                found = Step(answer.method, answer.step, answer.loss, terms, answer.notes)
            else:
                problem = f"This window does not know the method {answer.method}."
        except LinkClosed:
            return
        except LinkError as error:
            problem = str(error)
        if problem == SUPERSEDED:  # a jump went before it
            await asyncio.sleep(0)
            self._asks.wish()
        elif known == self._known:
            self.step, self.problem = found, problem
            self.changed.emit()
