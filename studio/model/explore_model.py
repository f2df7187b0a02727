"""The flow map in hand: from where, to where, and what comes of it."""

import asyncio
import math
import time
from pathlib import PurePath

from msgspec import structs
from PySide6.QtCore import QObject, Signal

from engine.contract.catalogue import Model
from engine.contract.lineage import parted
from engine.contract.messages import (
    SUPERSEDED,
    Jump,
    Jumped,
    Look,
    Looked,
    Opened,
    OpenModel,
    Sample,
    Sampler,
    Source,
)
from studio.link.link import Link, LinkClosed, LinkError, Refusal
from studio.model.ask import ask
from studio.model.explore_sampler import fitting, known
from studio.model.jump_cache import JumpCache
from studio.model.newest import Newest
from studio.model.states import Paths, States, read_states
from studio.model.tasks import spawn
from studio.model.tracing import Tracing

PLACE = 0.01  # of t and s: what an arrow key moves by; pictures of these places are asked ahead
TICK = 1 / 60  # seconds between two positions while playing
PERIOD = 4.0  # seconds of one sweep from t to 0 and back


class ExploreModel(QObject):
    """One request in flight, the newest wish wins, no answer of an old model is ever shown.

    `states` and `trace` say for which (t, s) and source they are; `trace` follows `states`.
    `shares` are the times to pass that a person set, as shares of the way from t to s, rising; ()
    where they are the sampler's.
    """

    model_changed = Signal()  # opened, reloaded or gone
    times_changed = Signal()
    settings_changed = Signal()  # source, steps, sampler or playing
    states_changed = Signal()
    trace_changed = Signal()
    failed = Signal(str)

    def __init__(self, link: Link, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._link = link
        self.name = ""
        self.model: Model | None = None
        self.t, self.s = 1.0, 0.0
        self.steps = 1
        self.sampler = Sampler()
        self.shares: tuple[float, ...] = ()
        self.source = Source()
        self.playing = False
        self.states: States | None = None
        self.trace: Paths | None = None
        self.cache = JumpCache()
        self._overtaken = 0  # answers that were on their way when a known one was shown
        self._states_of = ("", -1)  # the model and its step
        self.frame_ms = 0.0  # from a request to its answer, smoothed
        self._shown = ""  # name of the model that `states` are of
        self._ready = False  # the model stands in a living engine
        self._epoch = 0  # answers to questions of an older one are dropped
        self._lane = asyncio.Lock()
        self._jumps = Newest(self._follow)
        self._reloads = Newest(self._reload)
        self._wished = 0.0  # when the newest wish was made
        self._sweep: asyncio.Task[None] | None = None
        self._tracing = Tracing(self)
        link.opened.connect(self._on_opened)
        link.closed.connect(self._on_closed)

    async def open(self, name: str) -> None:
        """Load a shipped model, a run's newest weights or a file. Raises Refusal or LinkClosed.

        Without an engine the name is kept, and opened as soon as there is one.
        """
        before, self.name = self.name, name
        self._epoch += 1
        epoch = self._epoch
        try:
            answer, _ = await ask(self._link, lambda id: OpenModel(id, name), Opened)
        except Refusal:
            if epoch == self._epoch:
                self.name = self._shown or before
                self._wish()
            raise
        if epoch == self._epoch:
            self._take_model(answer.model)

    def refresh(self, run: str, step: int) -> None:
        """A run sealed a checkpoint: reload if its newest weights are in hand and older."""
        model = self.model
        if model and PurePath(self.name).name == run and step > model.step and self._ready:
            self._reloads.wish()

    def set_times(self, t: float, s: float, at_once: bool = False) -> None:
        """Stand at t, jump to s; both are held within [0, 1] and on the grid of a dyadic model.

        A hand that moves asks `at_once`; else the jump is asked for when all that changes has.
        """
        if not (math.isfinite(t) and math.isfinite(s)):
            return
        t, s = (known(self.model, min(max(time, 0.0), 1.0)) for time in (t, s))
        if (t, s) != (self.t, self.s):
            self.t, self.s = t, s
            self.times_changed.emit()
            self._wish(at_once)

    def placed(self, time: float) -> float:
        """The time that a sweep or a drag on the pad takes: of pictures one that comes again."""
        pictures = self.model is not None and self.model.data.kind == "images"
        return round(round(time / PLACE) * PLACE, 6) if pictures else time

    def set_source(self, source: Source) -> None:
        """Start from other samples."""
        if source != self.source:
            self.source = source
            if source.kind == "noise":  # there is nothing in it to keep
                self.sampler = structs.replace(self.sampler, keep=None)
            self.settings_changed.emit()
            self._wish()

    def set_steps(self, steps: int) -> None:
        """Jump in so many equal steps."""
        if max(1, steps) != self.steps:
            self.steps, self.shares = max(1, steps), ()
            self.settings_changed.emit()
            self._wish()

    def set_sampler(self, sampler: Sampler) -> None:
        """Go from t to s in another way, as far as the model can."""
        sampler = fitting(sampler, self.model)
        if sampler != self.sampler:
            self.sampler = sampler
            self.settings_changed.emit()
            self._wish()

    def set_shares(self, shares: tuple[float, ...]) -> None:
        """Pass these shares of the way, one between each two steps; () leaves it to the sampler."""
        if shares != self.shares and len(shares) in (0, self.steps - 1):
            self.shares = shares
            self.settings_changed.emit()
            self._wish()

    @property
    def way(self) -> Sampler:
        """The sampler with the times to pass from t to s."""
        return self.sampler_between(self.t, self.s)

    def sampler_between(self, t: float, s: float) -> Sampler:
        """The sampler with the times to pass between two others."""
        if not self.shares or t == s:
            return self.sampler
        times = tuple(round(t + share * (s - t), 9) for share in self.shares)
        return structs.replace(self.sampler, times=times)

    def play(self) -> None:
        """Sweep s from t to 0 and back until stopped; begins where s stands."""
        if not self.playing:
            self.playing = True
            self._sweep = spawn(self._play())
            self.settings_changed.emit()

    def stop_playing(self) -> None:
        """Stay where the sweep is."""
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
            self.playing = False
            self.settings_changed.emit()

    async def look(self, sample: Sample, file: str = "") -> tuple[Looked, bytes]:
        """What a sample looks like; a picture `file` is taken in. Raises Refusal or LinkClosed."""
        if not self.in_hand:
            raise Refusal("Open a model first: a sample is made for what it knows.")
        name = self.name
        return await ask(self._link, lambda id: Look(id, name, sample, file), Looked)

    @property
    def link(self) -> Link:
        """The stream to the engine that it asks."""
        return self._link

    @property
    def in_hand(self) -> bool:
        """Whether the engine has the model that is asked for; not while another one is opened."""
        return self._ready and self.name == self._shown

    async def still(self, seconds: float) -> None:
        """Wait until nothing was wished for so long: the hand rests."""
        while (left := self._wished + seconds - time.monotonic()) > 0:
            await asyncio.sleep(left)

    def _wish(self, at_once: bool = False) -> None:
        """Show what is wanted at once where it is known, else ask for it."""
        self._wished = time.monotonic()
        if not self.in_hand:
            return
        found = self.cache.get(self._hand[1], self._asked(self.t, self.s))
        if found is None:
            self._jumps.wish(at_once)
            return
        self._jumps.forget()
        self._overtaken += 1
        self._show(found)

    async def _follow(self) -> None:
        """Jump to where the sliders stand."""
        epoch, overtaken = self._epoch, self._overtaken
        if not self.in_hand:
            return  # there is a new wish when it is
        try:
            await self._jump(epoch)
        except LinkClosed:
            return  # the engine's own state says so
        except LinkError as error:
            if epoch == self._epoch and str(error) == SUPERSEDED:
                self._wish()  # a model was opened meanwhile: that went before
            elif epoch == self._epoch and overtaken == self._overtaken:
                self._drop_others()
                self.failed.emit(str(error))

    async def _jump(self, epoch: int) -> None:
        overtaken = self._overtaken
        began = time.perf_counter()
        states = await self.fetch(self.t, self.s)
        if epoch != self._epoch or overtaken != self._overtaken:
            return
        took = 1000 * (time.perf_counter() - began)
        self.frame_ms = took if not self.frame_ms else 0.8 * self.frame_ms + 0.2 * took
        self._show(states)

    async def fetch(self, t: float, s: float) -> States:
        """What comes of another jump of the same samples. Raises Refusal or LinkClosed."""
        asked, step, epoch = self._asked(t, s), self._hand[1], self._epoch
        if (known := self.cache.get(step, asked)) is not None:
            return known
        states = read_states(asked, *await self.ask_jump(asked))
        if states.x_s.ndim == 4 and epoch == self._epoch:  # points are faster than a glance
            self.cache.put(step, asked, states)
        return states

    def _show(self, states: States) -> None:
        self.states, self._states_of = states, self._hand
        self.states_changed.emit()

    def _drop_others(self) -> None:
        """States of another step are not those of the model in hand."""
        if self.states is not None and self._states_of != self._hand:
            self.states = None
            self.states_changed.emit()

    @property
    def _hand(self) -> tuple[str, int]:
        return self.name, self.model.step if self.model else -1

    def _asked(self, t: float, s: float) -> Jump:
        sampler = self.sampler_between(t, s)
        return Jump(0, self.name, self.source, t, s, self.steps, sampler=sampler)

    async def ask_jump(self, asked: Jump) -> tuple[Jumped, bytes]:
        """The answer to a jump, one after the other. Raises Refusal or LinkClosed."""
        async with self._lane:
            return await ask(self._link, lambda id: structs.replace(asked, id=id), Jumped)

    def take_trace(self, trace: Paths) -> None:
        """The paths of what is in sight have come."""
        self.trace = trace
        self.trace_changed.emit()

    async def _play(self) -> None:
        clock = time.perf_counter
        share = self.s / self.t if self.t else 1.0
        began = clock() - PERIOD * (1.0 - min(share, 1.0)) / 2
        while True:
            await asyncio.sleep(TICK)
            phase = (clock() - began) / PERIOD % 1.0
            s = self.placed(self.t * abs(1.0 - 2.0 * phase))
            self.set_times(self.t, s, at_once=True)

    async def _reload(self) -> None:
        try:
            await self.open(self.name)
        except LinkClosed:
            return
        except LinkError as error:
            self.failed.emit(str(error))

    def _take_model(self, model: Model) -> None:
        self.trace = None
        if run_of(self.name) != run_of(self._shown):
            self.states = None  # of another step of the same run they stay until there are newer
        self.cache.forget_model(self.name)
        self.model, self._shown, self._ready = model, self.name, True
        self.sampler = fitting(self.sampler, model)
        if model.capability == "dyadic":
            self.shares = ()  # it knows the times of its grid alone
        self.model_changed.emit()
        self.set_times(self.t, self.s)
        self._wish()

    def _on_opened(self, hello: object) -> None:
        if self.name:
            self._reloads.wish()

    def _on_closed(self, why: str) -> None:
        self._epoch += 1
        self._ready = False
        self._jumps.forget()
        self.stop_playing()


def run_of(name: str) -> str:
    """The run of a model that is called RUN@STEP, else its own name."""
    return parted(name)[0]
