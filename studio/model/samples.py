"""The one sample that x_t may come from: taken when the engine has seen it, and never before."""

from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from engine.contract.source import Sample, Source, carrying_problem, is_carried
from studio.link.link import LinkClosed, LinkError
from studio.model.explore_model import ExploreModel
from studio.model.states import read_arrays
from studio.model.tasks import spawn


@dataclass(frozen=True, eq=False)
class Seen:
    """A sample that the engine has: uint8 [h, w, c] or float32 [2], and its label, -1 for none.

    `count` is how many there are to choose from, 0 where there is no end of them or no list; `name`
    is that of the file it came in.
    """

    sample: Sample
    count: int
    label: int
    data: NDArray[Any]
    name: str = ""


class Samples(QObject):
    """What is asked for last is taken; what the engine refuses leaves the source as it was."""

    changed = Signal()  # what was seen, or nothing new: whoever shows a wish shows the source again
    refused = Signal(str)

    def __init__(self, explore: ExploreModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._explore = explore
        self.seen: Seen | None = None
        self._last = Sample()
        self._asked, self._shape = 0, tuple[int, ...]()
        self._many = explore.source.count  # how many there were before one was carried
        self._looked_for: Sample | None = None
        explore.model_changed.connect(self._on_model)
        explore.settings_changed.connect(self._on_source)

    @property
    def sample(self) -> Sample:
        """The sample that is the source, or was the last one."""
        return self._explore.source.sample or self._last

    def take(self, sample: Sample, file: str = "") -> None:
        """Start from this sample, or from the picture `file`, as soon as the engine has it."""
        self._asked += 1
        if sample.point is not None:
            self._use(sample)  # any place is one
            self.changed.emit()
            return
        spawn(self._take(sample, file, self._asked))

    def take_file(self, path: str) -> None:
        """Start from a picture of one's own."""
        self.take(Sample(way=self.sample.way), path)

    def start_from(self, source: Source) -> None:
        """Take this source; a carried sample is one alone, as all would be the same.

        A look that is on its way is of the past then.
        """
        self._asked += 1
        self._start(source)

    def _start(self, source: Source) -> None:
        before = self._explore.source
        self._last = source.sample or self._last
        if source.kind != "sample":
            source = replace(source, sample=None)
        if _one_carried(source) and not _one_carried(before):
            self._many, source = before.count, replace(source, count=1)
        elif _one_carried(before) and not _one_carried(source) and source.count == 1:
            source = replace(source, count=self._many)
        if source != before:
            self._explore.set_source(source)

    async def _take(self, sample: Sample, file: str, asked: int) -> None:
        before = self._explore.source
        try:
            answer, payload = await self._explore.look(sample, file)
            data = read_arrays(answer, payload, "data")["data"]
        except LinkClosed:
            return
        except LinkError as error:
            if asked == self._asked:
                self.refused.emit(str(error))
                self.changed.emit()
            return
        if asked == self._asked and _same(before, self._explore.source):
            name = file.replace("\\", "/").rpartition("/")[2] or self._name_of(answer.sample)
            self.seen = Seen(answer.sample, answer.count, answer.label, data, name)
            self._use(answer.sample)
            self.changed.emit()

    def _on_source(self) -> None:
        """Undo, and the last session, lead to a sample without asking for it here."""
        source, seen = self._explore.source, self.seen
        sample = source.sample if source.kind == "sample" else None
        if sample is None or sample.point is not None:
            return
        sample = replace(sample, way="noised")  # it looks alike however it comes to t
        if sample == self._looked_for or (seen and replace(seen.sample, way="noised") == sample):
            return
        self._looked_for = sample
        spawn(self._see(sample))

    async def _see(self, sample: Sample) -> None:
        try:
            answer, payload = await self._explore.look(sample)
            data = read_arrays(answer, payload, "data")["data"]
        except LinkError:
            return  # the jump from it says so by itself
        finally:
            self._looked_for = None
        now = self._explore.source.sample
        if now is not None and replace(now, way="noised") == sample:
            name = self._name_of(answer.sample)
            self.seen = Seen(answer.sample, answer.count, answer.label, data, name)
            self.changed.emit()

    def _name_of(self, sample: Sample) -> str:
        """The file that a picture came in, as far as it is still known."""
        seen = self.seen
        return seen.name if seen and sample.picture == seen.sample.picture else ""

    def _use(self, sample: Sample) -> None:
        source = self._explore.source
        mix = source.mix if source.mix and len(source.mix.seeds) == 2 else None
        self._start(replace(source, kind="sample", sample=sample, mix=mix, moved=()))

    def _on_model(self) -> None:
        """Keep what another model can start from too; else it starts from noise."""
        model, source = self._explore.model, self._explore.source
        self._asked += 1
        if model is None:
            return
        points, shape, self._shape = model.data.kind == "points", self._shape, model.data.shape
        if source.moved and shape != model.data.shape:  # a hand moved something else
            source = replace(source, moved=())
            self.start_from(source)
        foreign = bool(self.sample.picture) if points else self.sample.point is not None
        kept = Sample(way=self.sample.way) if foreign else self.sample
        if carrying_problem(model.capability):
            kept = replace(kept, way="noised")
        self.seen, self._last = None, kept
        if source.kind != "sample":
            return
        self.start_from(replace(source, kind="noise" if foreign else "sample", sample=kept))
        if not foreign:
            self.take(kept)


def _same(one: Source, other: Source) -> bool:
    """Whether both start from the same: undo may have led to another sample meanwhile."""
    return (one.kind, one.sample) == (other.kind, other.sample)


def _one_carried(source: Source) -> bool:
    """Whether all samples are one, carried: they would be alike."""
    return source.kind == "sample" and is_carried(source)
