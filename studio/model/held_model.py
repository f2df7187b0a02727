"""Numbers of the held place: what the maps say of exactly the (t, s) in hand."""

import asyncio
import math
from typing import NamedTuple

from msgspec import structs
from PySide6.QtCore import QObject, Signal

from engine.contract.catalogue import Model
from engine.contract.maps import SAMPLES, Probed, map_problem
from engine.contract.messages import SUPERSEDED, Map, Mapped, Source
from studio.link.link import Link, LinkClosed, LinkError
from studio.model.ask import ask
from studio.model.explore_model import ExploreModel
from studio.model.map_model import MapModel
from studio.model.newest import Newest
from studio.model.quality_model import QualityModel
from studio.model.states import read_arrays

KINDS: tuple[Probed, ...] = ("defect", "residual", "error")  # the dearest last
REST = 0.25  # seconds without a wish before they are asked


class Number(NamedTuple):
    """A root mean square, of everything that it depends on; inf where the answer is not finite.

    `memorises`: the truth is the flow of the pictures themselves.
    """

    value: float
    of: tuple[object, ...]
    memorises: bool = False


class HeldModel(QObject):
    """Asked one after the other when the hand rests; the numbers before stay, and are stale."""

    changed = Signal()

    def __init__(
        self,
        link: Link,
        explore: ExploreModel,
        maps: MapModel,
        quality: QualityModel,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._link, self._explore, self._maps, self._quality = link, explore, maps, quality
        self.wanted = False  # somebody looks at them
        self.numbers: dict[Probed, Number] = {}
        self.problems: dict[Probed, str] = {}
        self._of: tuple[object, ...] = ()
        self._hand = "", -1  # the model and its step
        self._asks = Newest(self._ask)
        for signal in (
            explore.model_changed,
            explore.times_changed,
            explore.settings_changed,
            maps.changed,
            quality.changed,
        ):
            signal.connect(self._begin)
        link.closed.connect(lambda why: self._asks.forget())

    def want(self, wanted: bool) -> None:
        """Ask from now on, or no more; what is known stays, what was refused is asked once more."""
        if wanted and not self.wanted:
            self.problems = {}
        self.wanted = wanted
        self._begin()

    def kinds(self) -> tuple[Probed, ...]:
        """Those that the model in hand can be asked."""
        model = self._explore.model
        return () if model is None else tuple(k for k in KINDS if not map_problem(k, model))

    def why_not(self, kind: Probed) -> str:
        """Why one of them is not asked here and now, one sentence; "" where it is."""
        model = self._explore.model
        if model is None:
            return "Open a model first."
        if model.capability == "endpoint" and self._explore.s > 0:
            return "Noise is added on the way: there is no one place to be."
        if kind == "error" and model.data.kind == "images" and self._quality.held:
            return "It waits until the training is done: the true flow of pictures is dear."
        return self.problems.get(kind, "")

    def stale(self, kind: Probed) -> bool:
        """Whether the number is of another place."""
        number = self.numbers.get(kind)
        return number is not None and number.of != self._key(kind)

    @property
    def asking(self) -> bool:
        """Whether a number is still missing."""
        return self.wanted and bool(self._missing())

    def _key(self, kind: Probed) -> tuple[object, ...]:
        """Everything that a number depends on."""
        explore, model = self._explore, self._explore.model
        if model is None:
            return ()
        source, middle = explore.source, self._maps.middle if kind == "defect" else None
        place = explore.t, explore.s
        return model.name, model.step, *place, source.seed, source.label, middle

    def _missing(self) -> tuple[Probed, ...]:
        return tuple(
            kind
            for kind in self.kinds()
            if not self.why_not(kind) and (kind not in self.numbers or self.stale(kind))
        )

    def _begin(self) -> None:
        of = tuple(self._key(kind) for kind in self.kinds())
        if of != self._of:
            model = self._explore.model
            hand = (model.name, model.step) if model else ("", -1)
            if hand != self._hand:
                self.numbers = {}  # of another model they would mislead
            self._hand, self._of, self.problems = hand, of, {}
            self.changed.emit()
        if self.asking:
            self._asks.wish()

    async def _ask(self) -> None:
        if not await self._asks.quiet(REST):
            return  # a newer wish begins anew
        for kind in KINDS:
            while self.wanted and kind in self._missing():
                await self._explore.still(REST)
                model = self._explore.model
                if model is None or kind not in self._missing():
                    continue
                key = self._key(kind)
                try:
                    number = await self._measured(model, kind, key)
                except LinkClosed:
                    return
                except LinkError as error:
                    if str(error) != SUPERSEDED and key == self._key(kind):
                        self.problems[kind] = str(error)
                        self.changed.emit()
                    await asyncio.sleep(0)
                    continue
                self.numbers[kind] = number
                self.changed.emit()

    async def _measured(self, model: Model, kind: Probed, key: tuple[object, ...]) -> Number:
        """One place of a map. Raises LinkError."""
        explore, middle = self._explore, self._maps.middle
        source, count = explore.source, SAMPLES[model.data.kind]
        asked = Map(
            0,
            model.name,
            kind,
            Source("noise", source.seed, count, source.label),
            ((explore.t, explore.s),),
            middle,
        )
        async with self._maps.lane:
            build = lambda id: structs.replace(asked, id=id)  # noqa: E731
            answer, payload = await ask(self._link, build, Mapped)
        value = float(read_arrays(answer, payload, "values")["values"][0])
        return Number(value if math.isfinite(value) else math.inf, key, answer.memorises)
