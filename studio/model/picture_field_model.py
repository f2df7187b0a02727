"""Fields as pictures: velocity and average velocity at the x_t of the pictures in hand."""

from typing import NamedTuple

import numpy as np
from msgspec import structs
from numpy.typing import NDArray
from PySide6.QtCore import QObject

from engine.contract.messages import FieldsAnswer, Message, PictureFields, Request
from studio.link.link import Link
from studio.model.explore_model import ExploreModel
from studio.model.follower import Follower
from studio.model.states import read_arrays


class SeenPictures(NamedTuple):
    """Float32 [n, height, width, channels], `v` and `u` as far as known; `of` is their jump."""

    v: NDArray[np.float32] | None
    u: NDArray[np.float32] | None
    t: float
    s: float
    of: tuple[object, ...] = ()

    @property
    def apart(self) -> NDArray[np.float32] | None:
        """u - v."""
        return None if self.u is None or self.v is None else self.u - self.v


class PictureFieldModel(Follower):
    """The fields of the jump in hand, while they are wanted."""

    answered = FieldsAnswer
    heavy = True

    def __init__(self, link: Link, explore: ExploreModel, parent: QObject | None = None) -> None:
        super().__init__(link, explore, parent)
        self.wanted = False
        self.seen: SeenPictures | None = None

    def want(self, wanted: bool) -> None:
        """Follow the fields from now on, or no more."""
        if wanted != self.wanted:
            self.wanted, self.seen = wanted, None  # they would be of a jump long past
            self._wish()
            self.changed.emit()

    def toggle(self) -> None:
        """Fields, or pictures again."""
        self.want(not self.wanted)

    @property
    def fresh(self) -> bool:
        """Whether the fields are of the jump in sight."""
        asked, seen = self.question(), self.seen
        return seen is not None and asked is not None and seen.of == self._jump_of(asked)

    def question(self) -> PictureFields | None:
        """The fields at x_t of the jump in sight."""
        explore, states = self._explore, self._explore.states
        if not self.wanted or states is None or states.x_t.ndim != 4:
            return None
        sampler = explore.sampler_between(states.t, states.s)
        t, s, steps = states.t, states.s, states.steps
        return PictureFields(0, explore.name, states.source, t, s, steps, sampler)

    def take(self, asked: Request, answer: Message, payload: bytes) -> None:
        """Keep the fields, channels last."""
        assert isinstance(asked, PictureFields)
        assert isinstance(answer, FieldsAnswer)
        arrays = read_arrays(answer, payload, "v", "u")
        v, u, of = _shown(arrays["v"]), _shown(arrays["u"]), self._jump_of(asked)
        self.seen = SeenPictures(v, u, asked.t, asked.s, of)

    def drop(self) -> None:
        """Forget them."""
        self.seen = None

    def _jump_of(self, asked: PictureFields) -> tuple[object, ...]:
        """What tells a jump from others."""
        step = self._explore.model.step if self._explore.model else -1
        return step, structs.replace(asked, id=0)


def _shown(array: NDArray[np.float32]) -> NDArray[np.float32] | None:
    return array.transpose(0, 2, 3, 1) if len(array) else None
