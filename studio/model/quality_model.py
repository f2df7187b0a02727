"""Quality by the number of steps, of the model in hand: measured when nothing else is asked."""

import asyncio

from msgspec import structs
from PySide6.QtCore import QObject, Signal

from engine.contract.messages import SUPERSEDED, Measure, Measured, Sampler, Source
from studio.link.link import Link, LinkClosed, LinkError
from studio.model.ask import ask
from studio.model.explore_model import ExploreModel
from studio.model.newest import Newest

COUNTS = (1, 2, 4, 8, 16)  # steps from noise to data
SAMPLES = {"points": 2048, "images": 256}
REST = 0.5  # seconds without a wish before it is begun


class QualityModel(QObject):
    """`found` holds the answer for each number of steps that is known by now."""

    changed = Signal()

    def __init__(self, link: Link, explore: ExploreModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._link, self._explore = link, explore
        self.wanted = False  # somebody looks at it
        self.held = False  # a training runs, and is not to be slowed
        self._forced = False
        self.found: dict[int, Measured] = {}
        self.problem = ""
        self._of: tuple[object, ...] = ()  # what `found` was measured of
        self._lane = asyncio.Lock()  # of two questions the newer one would end the older
        self._asks = Newest(self._ask)
        explore.model_changed.connect(self._on_model)
        explore.settings_changed.connect(self._begin)
        link.closed.connect(lambda why: self._asks.forget())

    def want(self, wanted: bool) -> None:
        """Measure from now on, or no more; what is known stays."""
        self.wanted, self.problem = wanted, ""
        self._begin()

    def hold(self, held: bool) -> None:
        """While a training runs nothing is measured by itself."""
        if held != self.held:
            self.held = held
            self._begin()
            self.changed.emit()

    def force(self) -> None:
        """Measure the model in hand now, training or not."""
        self._forced, self.problem = True, ""
        self._begin()

    @property
    def waits(self) -> bool:
        """Whether it would measure if no training ran."""
        return self.held and self.wanted and not self._forced and not self.found

    @property
    def counts(self) -> tuple[int, ...]:
        """The numbers of steps that make sense for the model in hand."""
        model = self._explore.model
        if model is None:
            return ()
        if model.method == "pd":  # it knows the steps of its last stage alone
            return (model.grid.parts,)
        return COUNTS

    @property
    def _may(self) -> bool:
        return self.wanted and (self._forced or not self.held)

    def _key(self) -> tuple[object, ...]:
        """Everything that the figures depend on."""
        explore, model = self._explore, self._explore.model
        if model is None:
            return ()
        source = explore.source
        return explore.name, model.step, source.seed, source.label, explore.sampler

    def _on_model(self) -> None:
        """Also after the engine went and came back."""
        self.problem = ""
        self._begin()

    def _begin(self) -> None:
        """Forget what is not of the model in hand, and measure what is missing."""
        key = self._key()
        if key != self._of:
            self._forced = False
            self._of, self.found, self.problem = key, {}, ""
            self.changed.emit()
        if key and self._may and not self.problem and len(self.found) < len(self.counts):
            self._asks.wish()

    async def _ask(self) -> None:
        """Ask for one number of steps after the other until all are known."""
        key, model = self._key(), self._explore.model
        if model is None or not await self._asks.quiet(REST):
            return  # a newer wish asks anew
        for count in self.counts:
            while self._may and key == self._of and count not in self.found:
                await self._explore.still(REST)
                try:
                    sampler = structs.replace(self._explore.sampler, times="even", keep=None)
                    answer = await self.measured(count, sampler)
                except LinkClosed:
                    return
                except LinkError as error:
                    if str(error) == SUPERSEDED:  # something went before it
                        await asyncio.sleep(0)
                        continue
                    if key == self._of:
                        self.problem = str(error)
                        self.changed.emit()
                    return
                if key == self._of:
                    self.found[count] = answer
                    self.changed.emit()

    async def measured(self, count: int, sampler: Sampler) -> Measured:
        """Measure `count` steps of a sampler, one question after the other. Raises LinkError."""
        explore = self._explore
        assert explore.model is not None
        source = explore.source
        size = SAMPLES[explore.model.data.kind]
        asked = Measure(
            0, explore.name, Source("noise", source.seed, size, source.label), count, sampler
        )
        async with self._lane:
            answer, _ = await ask(self._link, lambda id: structs.replace(asked, id=id), Measured)
        return answer
