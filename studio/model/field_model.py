"""Fields over the plane of points: velocity, average velocity, and what the jump does to a mesh."""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject

from engine.contract.messages import Fields, FieldsAnswer, Message, Request
from studio.link.link import Link
from studio.model.explore_model import ExploreModel
from studio.model.follower import Follower
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


class FieldModel(Follower):
    """The fields that are wanted, of the jump in hand."""

    answered = FieldsAnswer

    def __init__(self, link: Link, explore: ExploreModel, parent: QObject | None = None) -> None:
        super().__init__(link, explore, parent)
        self.wanted: frozenset[FieldKind] = frozenset()
        self.seen: Seen | None = None
        self._square: Square | None = None
        self._asked: Request | None = None  # what `seen` answers

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
        anew = not self.wanted
        self.wanted = self.wanted | {kind} if on else self.wanted - {kind}
        if anew and self.question() != self._asked:
            self.seen = None  # of a jump long past
        self._wish()
        self.changed.emit()

    def look_at(self, square: Square) -> None:
        """Another part of the plane is seen."""
        if square != self._square:
            self._square = square
            self._wish()

    def question(self) -> Request | None:
        """The fields of what is seen of the plane."""
        explore, square, states = self._explore, self._square, self._explore.states
        points = explore.model is not None and explore.model.data.kind == "points"
        if not (self.wanted and points) or square is None or states is None:
            return None
        return Fields(0, explore.name, states.t, states.s, square, PARTS, explore.sampler)

    def take(self, asked: Request, answer: Message, payload: bytes) -> None:
        """Keep the fields on their even places."""
        assert isinstance(asked, Fields)
        assert isinstance(answer, FieldsAnswer)
        arrays = read_arrays(answer, payload, "places", "v", "u")
        cut = {key: _square(array) for key, array in arrays.items()}
        places = cut["places"]
        assert places is not None
        self._asked = asked
        self.seen = Seen(places, cut["v"], cut["u"], cut.get("exact"), asked.t, asked.s)

    def drop(self) -> None:
        """Forget them."""
        self.seen = None


def _square(array: NDArray[np.float32]) -> NDArray[np.float32] | None:
    return array.reshape(PARTS, PARTS, 2) if len(array) == PARTS**2 else None
