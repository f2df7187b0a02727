"""The chord at the cursor: what one jump does to the place that is pointed at."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject

from engine.contract.messages import Chord, ChordAnswer, Message, Request
from studio.link.link import Link
from studio.model.explore_model import ExploreModel
from studio.model.follower import Follower
from studio.model.states import read_arrays

Place = tuple[float, float]


class SeenChord(NamedTuple):
    """From `place` the `path` [k, 2] to x_s and the velocity `v` [2], where they are known.

    `curvature` is |dv/dt| there, of the model's path and of the `exact` one, in the data's units
    over time squared. `why` says why there is no path.
    """

    place: Place
    path: NDArray[np.float32] | None
    v: NDArray[np.float32] | None
    t: float
    s: float
    curvature: float | None
    exact: float | None
    why: str

    @property
    def chord(self) -> NDArray[np.float32] | None:
        """(s - t) u, from x_t straight to x_s."""
        return None if self.path is None else self.path[-1] - self.path[0]

    @property
    def tangent(self) -> NDArray[np.float32] | None:
        """(s - t) v, where one step along the velocity would lead."""
        return None if self.v is None else np.float32(self.s - self.t) * self.v


class ChordModel(Follower):
    """Follows the place under the cursor, and the jump in hand, while it is `on`."""

    answered = ChordAnswer

    def __init__(self, link: Link, explore: ExploreModel, parent: QObject | None = None) -> None:
        super().__init__(link, explore, parent)
        self.on = False
        self.place: Place | None = None
        self.seen: SeenChord | None = None

    def switch(self, on: bool) -> None:
        """Follow, or no more."""
        if on != self.on:
            self.on, self.seen = on, None
            self._wish()
            self.changed.emit()

    def look_at(self, place: Place | None) -> None:
        """Another place is pointed at, or none."""
        if place != self.place:
            self.place = place
            if place is None:
                self.drop()
                self.changed.emit()
            self._wish()

    def question(self) -> Request | None:
        """What the jump in sight does to the place."""
        explore, states = self._explore, self._explore.states
        if not self.on or self.place is None or states is None or states.x_t.ndim != 2:
            return None
        sampler = explore.sampler
        return Chord(0, explore.name, self.place, states.t, states.s, sampler=sampler)

    def take(self, asked: Request, answer: Message, payload: bytes) -> None:
        """Keep it, unless nothing is pointed at any more."""
        assert isinstance(asked, Chord)
        assert isinstance(answer, ChordAnswer)
        arrays = read_arrays(answer, payload, "path", "v")
        path, v = (found if len(found) else None for found in (arrays["path"], arrays["v"]))
        bends = answer.curvature, answer.exact
        if self.on and self.place is not None:
            self.seen = SeenChord(asked.place, path, v, asked.t, asked.s, *bends, answer.why)

    def drop(self) -> None:
        """Forget it."""
        self.seen = None
