"""Pixels that a person pointed at, and their paths along the jump in hand."""

from dataclasses import dataclass

import numpy as np
from msgspec import structs
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from engine.contract.messages import Message, Pixels, PixelsTraced, Request
from studio.link.link import Link
from studio.model.companions import TRUTH, Companions
from studio.model.explore_model import ExploreModel
from studio.model.follower import Follower
from studio.model.newest import Newest
from studio.model.states import read_arrays

Pixel = tuple[int, int, int]  # which picture, row and column, from 0
MOST = 8  # as many as there are colours that everybody can tell apart
REST = 0.1  # seconds without a wish before the true paths are sought
_LUMA = np.array((0.299, 0.587, 0.114), np.float32)  # ITU-R BT.601, as brightness is kept


@dataclass(frozen=True, eq=False)
class PixelPaths:
    """Float32 [k, pixels, channels] at `times`, from -1 to 1 but for noise; `of` is their jump."""

    pixels: tuple[Pixel, ...]
    times: tuple[float, ...]
    learned: NDArray[np.float32] | None
    exact: NDArray[np.float32] | None
    of: tuple[object, ...]
    why: str = ""  # there are no learned paths


class PixelModel(Follower):
    """`chosen` holds for each pixel the number of its colour, which it keeps as others go.

    The true paths come once the hand rests, while the truth stands beside the model in hand.
    """

    answered = PixelsTraced
    heavy = True
    refused = Signal(str)

    def __init__(
        self,
        link: Link,
        explore: ExploreModel,
        companions: Companions,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(link, explore, parent)
        self._companions = companions
        self.chosen: dict[Pixel, int] = {}
        self.paths: PixelPaths | None = None
        self._truth = False  # what is asked next
        self._seeks = Newest(self._seek)
        companions.changed.connect(self._wish)

    def toggle(self, pixel: Pixel) -> None:
        """Choose a pixel, or let it go."""
        if pixel in self.chosen:
            self.chosen = {known: n for known, n in self.chosen.items() if known != pixel}
        elif len(self.chosen) >= MOST:
            self.refused.emit(f"At most {MOST} pixels are told apart; let one go first.")
            return
        else:
            free = next(n for n in range(MOST) if n not in self.chosen.values())
            self.chosen = {**self.chosen, pixel: free}
        self._wish()
        self.changed.emit()

    def let_go(self) -> None:
        """Let the pixel go that was chosen last."""
        if self.chosen:
            self.toggle(list(self.chosen)[-1])

    def clear(self) -> None:
        """Choose none."""
        if self.chosen:
            self.chosen, self.paths = {}, None
            self.changed.emit()

    @property
    def fresh(self) -> bool:
        """Whether the paths are of the jump in sight."""
        asked, paths = self.question(), self.paths
        return paths is not None and asked is not None and paths.of == self._jump_of(asked)

    @property
    def wants_truth(self) -> bool:
        """Whether the truth stands beside the model in hand."""
        return any(other.name == TRUTH for other in self._companions.all)

    def question(self) -> Pixels | None:
        """The paths of all that are chosen."""
        explore, states = self._explore, self._explore.states
        if not self.chosen or states is None or states.x_t.ndim != 4:
            return None
        sampler = explore.sampler_between(states.t, states.s)
        return Pixels(
            0,
            explore.name,
            states.source,
            states.t,
            states.s,
            tuple(self.chosen),
            steps=states.steps,
            sampler=sampler,
            truth=self._truth,
        )

    def take(self, asked: Request, answer: Message, payload: bytes) -> None:
        """Keep the paths; then seek the true ones."""
        assert isinstance(asked, Pixels)
        assert isinstance(answer, PixelsTraced)
        arrays = read_arrays(answer, payload, "learned")
        learned = None if answer.why else arrays["learned"]
        exact = arrays.get("exact")
        of = self._jump_of(asked)
        self.paths = PixelPaths(asked.pixels, answer.times, learned, exact, of, answer.why)
        if self.wants_truth and not asked.truth:
            self._seeks.wish()

    def drop(self) -> None:
        """Forget them."""
        self.paths = None

    def fail(self, asked: Request, why: str) -> None:
        """Where only the true paths cannot be had, the learned ones stay."""
        if isinstance(asked, Pixels) and asked.truth:
            self.problem = why
        else:
            super().fail(asked, why)

    def _wish(self) -> None:
        self._truth = False
        self._keep_those_there_are()
        super()._wish()

    def _jump_of(self, asked: Pixels) -> tuple[object, ...]:
        """What tells a jump from others, whatever pixels are asked."""
        step = self._explore.model.step if self._explore.model else -1
        return step, structs.replace(asked, pixels=(), truth=False)

    async def _seek(self) -> None:
        await self._explore.still(REST)
        if self.fresh and self.chosen and self.wants_truth:
            self._truth = True
            self._asks.wish()

    def _keep_those_there_are(self) -> None:
        """Fewer or smaller pictures have fewer pixels."""
        states = self._explore.states
        if states is None or not self.chosen:
            return
        shape = states.x_t.shape[:3] if states.x_t.ndim == 4 else (0, 0, 0)
        kept = {
            pixel: n
            for pixel, n in self.chosen.items()
            if all(at < size for at, size in zip(pixel, shape, strict=True))
        }
        if len(kept) != len(self.chosen):
            self.chosen = kept
            self.changed.emit()


def brightness(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """How bright colours [..., channels] look, of any range; of one channel itself."""
    return values[..., 0] if values.shape[-1] != 3 else values @ _LUMA
