"""An explore model that answers at once, with an exact flow in numpy in place of an engine."""

import numpy as np
from msgspec.structs import replace
from PySide6.QtCore import QObject, Signal

from engine.contract.arrays import pack
from engine.contract.catalogue import DataSet, Model
from engine.contract.legality import how, is_outside
from engine.contract.messages import Jumped, Looked, Source
from studio.link.link import Link, Refusal
from studio.model.chord_model import ChordModel
from studio.model.explore_model import ExploreModel, Paths, States
from studio.model.explore_sampler import fitting
from studio.model.exploring import Closer
from studio.model.picture_field_model import PictureFieldModel
from studio.model.pixel_model import PixelModel

LABELS = ("animals", "faces", "food")
PICTURES = Model(
    "emoji-16-meanflow", "MeanFlow · emoji 16 px", "meanflow", "flow map",
    DataSet("emoji-16", "Emoji 16 px", "images", (3, 16, 16), 2800, LABELS),
    24000, 0.995, 1_800_000,
)  # fmt: skip
POINTS = Model(
    "eight-gaussians-meanflow", "MeanFlow · eight Gaussians", "meanflow", "flow map",
    DataSet("eight-gaussians", "Eight Gaussians", "points", (2,), exact=True),
    4000, 0.995, 50_000,
)  # fmt: skip
ANGLES = np.arange(8) * np.pi / 4
MEANS = 2 * np.stack([np.cos(ANGLES), np.sin(ANGLES)], 1)


class NoLink(Link):
    """A stream that is never opened."""

    async def start(self):
        """Nothing starts."""

    async def request(self, build):
        """Nothing is answered."""
        raise Refusal("There is no engine in this test.")

    async def stop(self):
        """Nothing stops."""


class StagedExplore(ExploreModel):
    """Every wish is answered within the call; `opened` counts what was asked to be opened."""

    def __init__(self, parent=None):
        super().__init__(NoLink(), parent)
        self.states_changed.disconnect(self._tracing._wish)  # paths come with each answer
        self.wishes = []
        self.fault = ""

    async def open(self, name):
        self.wishes.append(name)
        if self.fault:
            raise Refusal(self.fault)
        self.show(POINTS if "gauss" in name else PICTURES)

    def show(self, model):
        self.name, self.model = model.name, model
        self.sampler = fitting(self.sampler, model)
        if model.data.kind == "points" and self.source.count < 256:
            self.source = Source(count=2048)
        self.model_changed.emit()
        self.settings_changed.emit()
        self._answer()

    def set_times(self, t, s, at_once=False):
        self.t, self.s = min(1.0, max(0.0, t)), min(1.0, max(0.0, s))
        self.times_changed.emit()
        self._answer()

    def set_source(self, source):
        self.source = source
        self.settings_changed.emit()
        self._answer()

    def set_steps(self, steps):
        self.steps = steps
        self.settings_changed.emit()
        self._answer()

    def set_sampler(self, sampler):
        self.sampler = fitting(sampler, self.model)
        self.settings_changed.emit()
        self._answer()

    def play(self):
        self.playing = True
        self.settings_changed.emit()

    def stop_playing(self):
        self.playing = False
        self.settings_changed.emit()

    async def look(self, sample, file=""):
        """Samples 0 to 9 are there, and every file but one that is called bad."""
        kind, shape = self.model.data.kind, self.model.data.shape
        if "bad" in file or sample.index > 9:
            raise Refusal(f"{file or 'The sample'} cannot be taken.")
        if file:
            sample = replace(sample, picture="0123456789abcdef")
        data = np.full((*shape[1:], 3), 20 * sample.index, np.uint8)
        if kind == "points":
            data = np.array([sample.index, 0.5], np.float32)
        arrays, payload = pack({"data": data})
        count = 0 if sample.picture else 10
        return Looked(0, sample, count, -1 if kind == "points" else 1, arrays), payload

    async def ask_jump(self, asked):
        seen = {"x_t": self.states.x_t, "x_s": self.states.x_s}
        arrays, payload = pack({name: x.astype(np.float32) for name, x in seen.items()})
        return Jumped(0, asked.t, asked.s, 1, 4.1, arrays), payload

    def _answer(self):
        if self.model is None:
            return
        points = self.model.data.kind == "points"
        x_t, x_s = self.points() if points else self.pictures()
        for one in self.source.moved if points else ():
            x_t[one.index] = one.x, one.y
        capability, gamma = self.model.capability, self.sampler.gamma or 0.0
        self.states = States(
            x_t, x_s, self.t, self.s, self.steps, 4.1,
            is_outside(capability, self.t, self.s, self.model.grid), self.source, self.steps,
            how(capability, self.t, self.s, self.steps, gamma),
            "re-noise" if capability == "endpoint" and self.t < 1 else "",
        )  # fmt: skip
        self.states_changed.emit()
        if points:
            self.trace = self.paths()
            self.trace_changed.emit()

    def draw(self, shape):
        """(data, noise): which kind and seed decide, so that equal wishes get equal answers."""
        random = np.random.default_rng(self.source.seed)
        noise = random.normal(size=(self.source.count, *shape)).astype(np.float32)
        if shape == (2,):
            modes = np.arctan2(noise[:, 1], noise[:, 0]) / (np.pi / 4)
            near = MEANS[np.round(modes).astype(int) % 8]
            return (near + 0.25 * noise[:, ::-1]).astype(np.float32), noise
        ramp = np.linspace(-1, 1, shape[0] * shape[1])
        shades = np.sin(ramp[None, :, None] * (1 + np.arange(self.source.count))[:, None, None])
        colour = random.uniform(-1, 1, size=(self.source.count, 1, shape[2]))
        return (shades * colour).reshape(-1, *shape).astype(np.float32), noise

    def points(self):
        data, noise = self.draw((2,))
        return tuple((1 - at) * data + at * noise for at in (self.t, self.s))

    def pictures(self):
        channels, height, width = self.model.data.shape
        data, noise = self.draw((height, width, channels))
        states = ((1 - at) * data + at * noise for at in (self.t, self.s))
        return tuple((np.clip(x, -1, 1) * 127.5 + 127.5).round().astype(np.uint8) for x in states)

    def paths(self):
        data, noise = self.draw((2,))
        times = tuple(np.linspace(self.t, self.s, 24))
        some = np.stack([(1 - at) * data[:48] + at * noise[:48] for at in times])
        x_s = (1 - self.s) * data + self.s * noise
        exact = (x_s + 0.05).astype(np.float32)
        learned, why = some, ""
        if self.model.capability == "endpoint":
            learned, why = some[:, :0], "There is no path to draw."
        true = some + np.float32(0.02)
        return Paths(times, learned, true, exact, self.t, self.s, why)


def closer_of(link, explore, companions, held):
    """All that looks closer at a jump."""
    return Closer(
        held,
        ChordModel(link, explore),
        PixelModel(link, explore, companions),
        PictureFieldModel(link, explore),
    )


class NoCatalogue(QObject):
    """The names a picker needs."""

    changed = Signal()
    models = ("eight-gaussians-meanflow", "emoji-16-meanflow")
    methods = ()
    data = ()
    presets = ()

    def method(self, name):
        """No method is known."""

    def data_set(self, name):
        """No data set is known."""


class NoRuns(QObject):
    """A workspace without runs, or with those given."""

    changed = Signal()

    def __init__(self, runs=()):
        super().__init__()
        self.runs = list(runs)

    def find(self, name):
        """The run called `name`, if there is one."""
        return next((r for r in self.runs if r.name == name), None)
