"""One run, followed: its state, its curves and its previews."""

import asyncio
import io
import time
import tokenize
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from engine.contract.history import History, Past
from engine.contract.journal import Reader, Sampled, Started
from engine.contract.messages import (
    Action,
    Chunk,
    ControlRun,
    Done,
    Progress,
    ReadJournal,
    ReadSample,
    ReadSpec,
    RunInfo,
    SpecAnswer,
)
from engine.contract.specs import RunSpec
from studio.link.link import Link, LinkError, Refusal
from studio.model.ask import ask
from studio.model.happenings import Happened, Happenings
from studio.model.newest import Newest

ENDED = ("finished", "stopped", "failed")
PICTURES = 64  # previews kept
SLICE = 0.004  # seconds of reading before the window gets its turn
TELL = 0.2  # seconds between two words of what was read, while there is more: drawing takes time


@dataclass(frozen=True, eq=False)
class Preview:
    """A preview: the bytes of a PNG grid (its text chunk `tile` says "16x16"), or points [n, 2]."""

    kind: Literal["png", "points"]
    data: bytes = b""
    points: NDArray[np.float32] | None = None


class RunModel(QObject):
    """Follows a run's journal by pulls at its own pace, so no metric is ever lost."""

    changed = Signal()  # rows or events came
    progressed = Signal()  # `progress` or `info` is new
    sampled = Signal(object)  # Sampled: the newest preview

    def __init__(self, link: Link, info: RunInfo, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._link = link
        self._reader = Reader()
        self._history = History(np.float32)
        self._happenings = Happenings()
        self._seen = -1  # size of the journal when it was last read to its end
        self._told = 0.0  # when `changed` was sent last
        self._pulls = Newest(self._pull)
        self._pictures: OrderedDict[str, Preview] = OrderedDict()
        self.beginnings = 0  # since another one a step may have been drawn again, otherwise
        self.info = info
        self.progress: Progress | None = None

    @property
    def name(self) -> str:
        """The run's name."""
        return self.info.name

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the metrics seen so far, `step` first."""
        return self._history.columns

    @property
    def steps(self) -> NDArray[np.float64]:
        """The step of each row: a view, good until the next `changed`."""
        return self._history.steps

    @property
    def rewinds(self) -> int:
        """How often rows were taken back; what was drawn before is void then."""
        return self._history.rewinds

    @property
    def samples(self) -> list[Sampled]:
        """The previews, oldest first."""
        return self._history.samples

    @property
    def events(self) -> list[Past]:
        """What happened, oldest first."""
        return self._history.events

    @property
    def happened(self) -> list[Happened]:
        """What befell it, oldest first, also what it took back; a list is never changed."""
        return self._happenings.list

    def curve(self, name: str) -> NDArray[np.floating]:
        """One metric over the rows, NaN where it is not there; all NaN for an unknown name.

        A view, good until the next `changed`.
        """
        if name not in self.columns:
            return np.full(len(self.steps), np.nan, np.float32)
        return self._history.curve(name)

    def take_info(self, info: RunInfo) -> None:
        """The run's state is new; its journal may hold more, which is read."""
        self.info = info
        if info.state in ENDED:
            self.progress = None
        self.progressed.emit()
        self._pulls.wish()

    def take_progress(self, progress: Progress) -> None:
        """The run's heartbeat; its journal is read where it has grown."""
        self.progress = progress
        self.info = moved(self.info, progress)
        self.progressed.emit()
        if progress.journal != self._seen:
            self._pulls.wish()

    async def control(self, action: Action) -> None:
        """Pause, continue, stop, save or sample. Raises Refusal or LinkClosed."""
        await ask(self._link, lambda id: ControlRun(id, self.name, action), Done)

    async def spec(self) -> RunSpec:
        """The spec that the run was started with. Raises Refusal or LinkClosed."""
        answer, _ = await ask(self._link, lambda id: ReadSpec(id, self.name), SpecAnswer)
        return answer.spec

    async def picture(self, sampled: Sampled) -> Preview:
        """The preview of a step, from memory where it was seen. Raises Refusal or LinkClosed."""
        if sampled.file not in self._pictures:
            request = partial(ReadSample, run=self.name, file=sampled.file)
            beginnings = self.beginnings
            _, payload = await ask(self._link, request, Chunk)
            preview = _preview(sampled.file, payload)
            if beginnings != self.beginnings:
                return preview  # what it was; it may be drawn anew
            self._pictures[sampled.file] = preview
        self._pictures.move_to_end(sampled.file)
        found = self._pictures[sampled.file]
        while len(self._pictures) > PICTURES:
            self._pictures.popitem(last=False)
        return found

    async def _pull(self) -> None:
        """Read to the journal's end, chunk after chunk; the next comes while one is read."""
        known = self.samples[-1:]
        coming = self._ask_from(self._reader.offset)
        self._told = time.perf_counter()
        try:
            more = True
            while more:
                chunk, payload = await coming
                more = chunk.end < chunk.size and bool(payload)
                if more:
                    coming = self._ask_from(chunk.end)
                await self._take(payload)
            self._seen = chunk.end
        except LinkError:
            self._seen = -1  # the engine says so by itself; the next heartbeat tries again
        finally:
            coming.cancel()
            self._reader.forget_tail()
            self.changed.emit()
        if self.samples and self.samples[-1:] != known:
            self.sampled.emit(self.samples[-1])

    def _ask_from(self, offset: int) -> asyncio.Task[tuple[Chunk, bytes]]:
        request = partial(ReadJournal, run=self.name, offset=offset)
        return asyncio.ensure_future(ask(self._link, request, Chunk))

    async def _take(self, payload: bytes) -> None:
        """Read a chunk in slices that leave the window its turn."""
        until = time.perf_counter() + SLICE
        for record in self._reader.feed(payload):
            if isinstance(record, Started):
                self.beginnings += 1
                self._pictures.clear()  # what follows is drawn anew
            self._happenings.take(record, self._history.last_step)
            self._history.take(record)
            if (now := time.perf_counter()) > until:
                if now > self._told + TELL:
                    self._told = now
                    self.changed.emit()
                await asyncio.sleep(0)
                until = time.perf_counter() + SLICE


def moved(info: RunInfo, progress: Progress) -> RunInfo:
    """What is known of a run after a heartbeat."""
    return msgspec.structs.replace(
        info,
        state=progress.state,
        step=progress.step,
        steps=progress.steps or info.steps,
        checkpoint=max(progress.checkpoint, info.checkpoint),
    )


# A header may claim any size, and numpy reads one that it cannot parse with Python's tokenizer.
_DAMAGE = (
    ValueError,
    EOFError,
    OSError,
    MemoryError,
    RecursionError,
    SyntaxError,
    tokenize.TokenError,
)


def _preview(file: str, data: bytes) -> Preview:
    if not file.endswith(".npy"):
        return Preview("png", data)
    try:
        points = np.load(io.BytesIO(data), allow_pickle=False)
    except _DAMAGE as error:
        raise Refusal(f"The preview {file} cannot be read: it is damaged.") from error
    if points.ndim != 2 or points.shape[1] != 2 or points.dtype.kind != "f":
        raise Refusal(f"The preview {file} holds no points.")
    return Preview("points", points=points.astype(np.float32, copy=False))
