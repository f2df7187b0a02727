"""A map over (t, s) under the pad: filled piece by piece, outward from where the hand is."""

import asyncio
import time
from pathlib import PurePath

import numpy as np
from msgspec import structs
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from engine.contract.catalogue import Model
from engine.contract.maps import SAMPLES, MapKind, map_problem
from engine.contract.messages import (
    SUPERSEDED,
    LossAnswer,
    Map,
    Mapped,
    Progress,
    ReadLoss,
    Source,
)
from studio.link.link import Link, LinkClosed, LinkError
from studio.model.ask import ask
from studio.model.explore_model import ExploreModel, run_of
from studio.model.map_field import Field, empty, trained
from studio.model.newest import Newest
from studio.model.states import read_arrays

PIECE = 0.03  # seconds of the engine's time that one question may take, about
FIRST, MOST = 1, 128  # places of the first question, and of any
AGAIN = 1.0  # seconds before what failed is tried once more
LIVE = 2.0  # seconds between two looks at the loss of a run that is being trained
REST = 0.15  # seconds without a wish before a map is begun, or goes on
ANEW = ("anew",)  # what no map depends on: the next one is begun, whatever there was


class MapModel(QObject):
    """The map that is chosen, of the model and the samples in hand; one question at a time."""

    changed = Signal()  # what is asked for, or how much of it is known

    def __init__(self, link: Link, explore: ExploreModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._link, self._explore = link, explore
        self.kind: MapKind | None = None
        self.middle = 0.5
        self.other: Model | None = None
        self.field: Field | None = None
        self.problem = ""  # why there is none
        self._known: tuple[object, ...] = ()
        self._piece = FIRST
        self.lane = asyncio.Lock()  # of two questions the newer one would end the older
        self._fills = Newest(self._fill)
        self._looks, self._looked = Newest(self._look), 0.0
        explore.model_changed.connect(self._on_model)
        explore.settings_changed.connect(self._begin)
        link.closed.connect(lambda why: self._fills.forget())
        link.noticed.connect(self._on_noticed)

    def choose(self, kind: MapKind | None) -> None:
        """Draw another map, or none."""
        self.kind, self._known = kind, ANEW
        self._begin()

    def set_middle(self, middle: float) -> None:
        """Cut the jumps of the semigroup defect at another share of the way."""
        self.middle = middle
        self._begin()

    def compare(self, other: Model | None) -> None:
        """The model that the distance is measured to."""
        self.other = other
        self._begin()

    def _wanted(self) -> tuple[object, ...]:
        """Everything that a map depends on."""
        model, source = self._explore.model, self._explore.source
        if model is None or self.kind is None:
            return ()
        if self.kind == "loss":
            return self.kind, model.name, model.step
        return (
            *(self.kind, model.name, model.step, source.seed, source.label),
            *(self.middle if self.kind == "defect" else None,),
            *((self.other.name, self.other.step) if self.other and self.kind == "distance" else ()),
        )

    def _on_model(self) -> None:
        """Also after the engine went and came back: what is missing is asked again."""
        if self.problem:
            self._known = ANEW
        self._begin()
        if self.field and not self.field.whole:
            self._fills.wish()

    def _begin(self) -> None:
        """Start anew where something changed that the map depends on."""
        wanted = self._wanted()
        if wanted == self._known:
            return
        before, self._known, self.problem = self._known, wanted, ""
        if self.kind == "loss":
            self._begin_loss(before)
            return
        self.field, model = None, self._explore.model
        if wanted and model and self.kind:
            self.problem = map_problem(self.kind, model, self.other)
            if not self.problem:
                self.field = empty(model)
                self._piece = FIRST
                self._fills.wish()
        self.changed.emit()

    async def _fill(self) -> None:
        """Ask for one piece after the other until the map is whole or another one is wanted."""
        known, tries = self._known, 2
        await self._fills.quiet(REST)
        while known == self._known and self.field and not self.field.whole:
            await self._explore.still(REST)
            if known != self._known or self.field is None:
                return
            cells = self._nearest(self.field)
            began = time.perf_counter()
            try:
                await self._ask(known, cells)
            except LinkClosed:
                return
            except LinkError as error:
                if str(error) == SUPERSEDED:  # a jump went before it
                    await asyncio.sleep(0)
                    continue
                tries -= 1
                if tries:
                    await asyncio.sleep(AGAIN)
                    continue
                if known == self._known:
                    self.field, self.problem = None, str(error)
                    self.changed.emit()
                return
            self._pace(time.perf_counter() - began)

    def _begin_loss(self, before: tuple[object, ...]) -> None:
        """The map of one step stays until that of another step of the same run is there."""
        if before[:1] != self._known[:1] or run_of(str(before[1])) != self._run:
            self.field = None
        if self._known:
            self._looks.wish()
        self.changed.emit()

    @property
    def _run(self) -> str:
        return run_of(self._explore.name)

    def _on_noticed(self, message: object, payload: object) -> None:
        """While the run whose newest weights are in hand is trained, its loss is looked at."""
        if not (self.kind == "loss" and self.field and isinstance(message, Progress)):
            return
        newest = self._explore.name == self._run and PurePath(self._run).name == message.run
        late = time.monotonic() - self._looked >= LIVE
        if newest and late and message.step > self.field.step:
            self._looks.wish()

    async def _look(self) -> None:
        """Ask for the training's loss at the step in hand, the newest of all for a run itself."""
        known, model = self._known, self._explore.model
        if self.kind != "loss" or model is None:
            return
        step = -1 if self._explore.name == self._run else model.step
        asked = ReadLoss(0, self._run, step)
        self._looked = time.monotonic()
        found, problem = self.field, ""
        try:
            answer, payload = await ask(
                self._link, lambda id: structs.replace(asked, id=id), LossAnswer
            )
            arrays = read_arrays(answer, payload, "sums", "counts")
            found = trained(answer.step, arrays["sums"], arrays["counts"])
        except LinkClosed:
            return
        except LinkError as error:
            found, problem = None, str(error)
        if known == self._known:
            self.field, self.problem = found, problem
            self.changed.emit()

    async def _ask(self, known: tuple[object, ...], cells: NDArray[np.intp]) -> None:
        model, field = self._explore.model, self.field
        assert model is not None
        assert field is not None
        assert self.kind is not None
        assert self.kind != "loss"
        source = Source(
            "noise",
            self._explore.source.seed,
            SAMPLES[model.data.kind],
            self._explore.source.label,
        )
        places = tuple((float(t), float(s)) for t, s in field.cells[cells])
        other = self.other.name if self.kind == "distance" and self.other else ""
        asked = Map(0, model.name, self.kind, source, places, self.middle, other)
        async with self.lane:
            build = lambda id: structs.replace(asked, id=id)  # noqa: E731
            answer, payload = await ask(self._link, build, Mapped)
        arrays = read_arrays(answer, payload, "values", "nothing")
        if known != self._known or self.field is not field:
            return
        field.values[cells] = np.nan_to_num(arrays["values"], nan=np.inf, posinf=np.inf)
        if len(arrays["nothing"]):
            field.nothing[cells] = arrays["nothing"]
        self.field = field._replace(memorises=answer.memorises)
        self.changed.emit()

    def _nearest(self, field: Field) -> NDArray[np.intp]:
        """The places that are not known yet and lie nearest to the hand."""
        left = np.flatnonzero(np.isnan(field.values))
        apart = np.abs(field.cells[left] - (self._explore.t, self._explore.s)).max(1)
        return left[np.argsort(apart, kind="stable")[: self._piece]]

    def _pace(self, took: float) -> None:
        """Ask for as much as takes `PIECE`, in steps of at most twice as much."""
        share = min(2.0, max(0.5, PIECE / max(took, 1e-4)))
        self._piece = int(min(MOST, max(1, round(self._piece * share))))
