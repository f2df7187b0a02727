"""Fields over the plane of points: velocity, average velocity, and what the jump does to a mesh."""

from typing import Literal, NamedTuple

import numpy as np
from msgspec import structs
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from engine.contract.messages import SUPERSEDED, Fields, FieldsAnswer
from studio.link.link import Link, LinkClosed, LinkError
from studio.model.ask import ask
from studio.model.explore_model import ExploreModel
from studio.model.newest import Newest
from studio.model.states import read_arrays

FieldKind = Literal["v", "u", "mesh"]
PARTS = 21  # places along a side
Square = tuple[float, float, float]  # x, y and half of the side of what is seen of the plane


class Seen(NamedTuple):
    """Float32 [PARTS, PARTS, 2] over the plane, rows upwards; `v`, `u`, `exact` where known."""

    places: NDArray[np.float32]
    v: NDArray[np.float32] | None
    u: NDArray[np.float32] | None
    exact: NDArray[np.float32] | None
    t: float
    s: float


class FieldModel(QObject):
    """The fields that are wanted, of the jump in hand; asked anew after each of its answers."""

    changed = Signal()

    def __init__(self, link: Link, explore: ExploreModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._link, self._explore = link, explore
        self.wanted: frozenset[FieldKind] = frozenset()
        self.seen: Seen | None = None
        self.problem = ""
        self._square: Square | None = None
        self._asks = Newest(self._ask)
        explore.states_changed.connect(self._wish)
        explore.model_changed.connect(self._forget)
        link.closed.connect(lambda why: self._asks.forget())

    @property
    def said(self) -> str:
        """Why a field that is wanted is not drawn, one sentence; "" where all are."""
        if self.problem or self.seen is None:
            return self.problem if self.wanted else ""
        if "v" in self.wanted and self.seen.v is None:
            return "This model knows no velocity."
        if self.wanted & {"u", "mesh"} and self.seen.u is None:
            return "Noise is added on the way: no average velocity."
        return ""

    def choose(self, kind: FieldKind, on: bool) -> None:
        """Draw a field, or draw it no more."""
        self.wanted = self.wanted | {kind} if on else self.wanted - {kind}
        self._wish()
        self.changed.emit()

    def look_at(self, square: Square) -> None:
        """Another part of the plane is seen."""
        if square != self._square:
            self._square = square
            self._wish()

    def _forget(self) -> None:
        if self.seen is not None:
            self.seen = None
            self.changed.emit()
        self._wish()

    def _wish(self) -> None:
        model = self._explore.model
        if self.wanted and self._square and model and model.data.kind == "points":
            self._asks.wish()

    async def _ask(self) -> None:
        explore, square, states = self._explore, self._square, self._explore.states
        if square is None or states is None or not self.wanted:
            return
        name = explore.name
        asked = Fields(0, name, states.t, states.s, square, PARTS, explore.sampler)
        try:
            answer, payload = await ask(
                self._link, lambda id: structs.replace(asked, id=id), FieldsAnswer
            )
            arrays = read_arrays(answer, payload, "places", "v", "u")
        except LinkClosed:
            return
        except LinkError as error:
            if str(error) == SUPERSEDED:
                self._asks.wish()
                return
            self.seen, self.problem = None, str(error)
            self.changed.emit()
            return
        if name == explore.name:
            cut = {key: _square(array) for key, array in arrays.items()}
            places = cut["places"]
            assert places is not None
            exact = cut.get("exact")
            self.seen = Seen(places, cut["v"], cut["u"], exact, asked.t, asked.s)
            self.problem = ""
            self.changed.emit()


def _square(array: NDArray[np.float32]) -> NDArray[np.float32] | None:
    return array.reshape(PARTS, PARTS, 2) if len(array) == PARTS**2 else None
