"""A small made-up engine behind a `FakeLink`: a catalogue, runs that train, a map to explore.

The learned map is the exact one of standard normal data: x_t has the scale sqrt(t^2 + (1-t)^2).
"""

import io
import itertools
import math

import msgspec
import numpy as np
from fake_link import FakeLink
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from engine.contract import messages as m
from engine.contract.arrays import pack
from engine.contract.catalogue import METHODS, POINT_SETS, DataSet, Model, Preset
from engine.contract.journal import (
    Columns,
    Sampled,
    Sealed,
    Started,
    encode_event,
    encode_rows,
)
from engine.contract.specs import MLP, Data, FlowMatching, MeanFlow, RunSpec, UNet

PICTURES = DataSet("emoji-16", "Emoji 16", "images", (3, 16, 16), 1000, ("face", "food"))
PRESETS = (
    Preset(
        "points-meanflow",
        "MeanFlow on points",
        "One step from noise to points.",
        RunSpec(Data("eight-gaussians"), MeanFlow(), MLP(), preset="points-meanflow"),
    ),
    Preset(
        "emoji-16-meanflow",
        "MeanFlow on emoji",
        "One step from noise to pictures.",
        RunSpec(Data("emoji-16"), MeanFlow(), UNet(), preset="emoji-16-meanflow"),
    ),
    Preset(
        "points-fm",
        "Flow matching on points",
        "The velocity baseline.",
        RunSpec(Data("eight-gaussians"), FlowMatching(), MLP(), preset="points-fm"),
    ),
)
MODELS = {
    "points": Model("points", "Points", "meanflow", "flow map", POINT_SETS[0], 4000, 0.995),
    "emoji": Model("emoji", "Emoji", "meanflow", "flow map", PICTURES, 9000, 0.995),
}


class FakeWorld:
    """Answers everything that a studio asks; `link` is what the models are built on."""

    def __init__(self) -> None:
        self.link = FakeLink()
        self.runs: dict[str, m.RunInfo] = {}
        self.specs: dict[str, RunSpec] = {}
        self.journals: dict[str, bytes] = {}
        self.samples: dict[str, bytes] = {}
        self.sealed: dict[str, list[int]] = {}
        self.models = dict(MODELS)
        self.actions: list[tuple[str, str]] = []
        self.waiting: list[str] = []  # in the queue, the next first
        self.held, self.at_once = False, 1
        self.drawn: dict[str, NDArray[np.float32]] = {}
        on = self.link.on
        on(m.GetCatalogue, self._catalogue)
        on(m.ImportPoints, self._import_points)
        on(m.GetRuns, lambda r: m.Runs(r.id, tuple(self.runs.values())))
        on(m.StartRun, self._start_run)
        on(m.ResumeRun, self._resume)
        on(m.GetQueue, lambda r: self.queue(r.id))
        on(m.MoveRun, self._move)
        on(m.TakeOut, self._take_out)
        on(m.SetQueue, self._set_queue)
        on(m.ControlRun, self._control)
        on(m.ReadSpec, lambda r: m.SpecAnswer(r.id, self.specs[r.run]))
        on(m.ReadStart, self._start)
        on(m.ReadJournal, self._journal)
        on(m.ReadSample, self._sample)
        on(m.ReadFilm, self._film)
        on(m.OpenModel, self._open)
        on(m.Jump, self.jump)
        on(m.Follow, self.follow)
        on(m.Fields, self.fields)
        on(m.Trace, self.trace)
        on(m.Pixels, self.pixels)
        on(m.PictureFields, self.picture_fields)
        on(m.Chord, self.chord)
        on(m.Map, self.map)
        on(m.Measure, self.measure)

    def queue(self, id: int | None = None) -> m.Queue:
        """What waits; a notice without an id."""
        for place, name in enumerate(self.waiting):
            self._set(name, place=place)
        return m.Queue(tuple(self.waiting), self.held, self.at_once, id)

    def begin_next(self) -> str:
        """Let the next one of the queue begin, and tell it as the engine does."""
        name = self.waiting.pop(0)
        info = self._set(name, state="starting", place=-1)
        self.link.notice(self.queue())
        self.link.notice(m.RunChanged(info))
        return name

    def add_run(self, name: str, spec: RunSpec = PRESETS[0].spec) -> m.RunInfo:
        """A run that has just started."""
        method = str(spec.method.__struct_config__.tag)
        kind = "points" if isinstance(spec.network, MLP) else "images"
        info = m.RunInfo(
            name, name, method, spec.data.name, kind, "running", 0, spec.training.steps,
            start=spec.start,
        )  # fmt: skip
        self.runs = {name: info, **self.runs}
        self.specs[name], self.sealed[name] = spec, []
        self.journals[name] = encode_event(Started(0, 0.0, "cpu", 1, "0.1.0", 1234))
        self.journals[name] += encode_event(Columns(("step", "loss", "error", "rate")))
        return info

    def train(self, name: str, steps: int, every: int = 10) -> None:
        """Let a run go on, seal a checkpoint and tell the studio."""
        info = self.runs[name]
        at = np.arange(info.step + every, info.step + steps + 1, every, dtype=np.float64)
        rows = np.stack([at, 1 / (1 + at / 100), 0.5 / (1 + at / 100), 1e-3 + 0 * at], 1)
        end = info.step + steps
        file = f"{end:06}.{'npy' if info.data_kind == 'points' else 'png'}"
        self.samples[file] = points_file(end) if file.endswith("npy") else png_grid(end)
        self.journals[name] += encode_rows(rows)
        self.journals[name] += encode_event(Sampled(end, file)) + encode_event(Sealed(end))
        self.sealed[name].append(end)
        self._set(name, step=end, checkpoint=end)
        self.link.notice(self.progress(name))

    def finish(self, name: str, state: m.State = "finished") -> None:
        """Let a run end."""
        self.link.notice(m.RunChanged(self._set(name, state=state)))

    def progress(self, name: str) -> m.Progress:
        """The heartbeat of a run."""
        info = self.runs[name]
        return m.Progress(
            name,
            info.state,
            "training",
            info.step,
            info.steps,
            rate=100.0,
            eta=(info.steps - info.step) / 100,
            journal=len(self.journals[name]),
            memory=400 << 20,
            checkpoint=info.checkpoint,
        )

    def _start_run(self, r: m.StartRun) -> m.Message:
        free = next(n for n in itertools.count(1) if f"run-{n}" not in self.runs)
        info = self.add_run(r.name or f"run-{free}", r.spec)
        return self._queued(r.id, info.name) if r.queue else m.RunAnswer(r.id, info)

    def _resume(self, r: m.ResumeRun) -> m.Message:
        if r.queue:
            return self._queued(r.id, r.run)
        return m.RunAnswer(r.id, self._set(r.run, state="running", message=""))

    def _queued(self, id: int, name: str) -> m.Message:
        self.waiting.append(name)
        self._set(name, state="queued", place=len(self.waiting) - 1)
        self.link.notice(m.RunChanged(self.runs[name]))
        self.link.notice(self.queue())
        return m.RunAnswer(id, self.runs[name])

    def _move(self, r: m.MoveRun) -> m.Message:
        if r.run not in self.waiting:
            return m.Refused(r.id, f"{r.run!r} does not wait in the queue.")
        self.waiting.remove(r.run)
        self.waiting.insert(r.place, r.run)
        self._set(r.run, message="")
        return self.queue(r.id)

    def _take_out(self, r: m.TakeOut) -> m.Message:
        self.waiting.remove(r.run)
        if self.runs[r.run].step:
            self.link.notice(m.RunChanged(self._set(r.run, state="stopped", place=-1)))
        else:
            del self.runs[r.run]
        return self.queue(r.id)

    def _set_queue(self, r: m.SetQueue) -> m.Message:
        self.held = self.held if r.held is None else r.held
        self.at_once = self.at_once if r.at_once is None else r.at_once
        return self.queue(r.id)

    def _set(self, name: str, **changes: object) -> m.RunInfo:
        info = msgspec.structs.replace(self.runs[name], **changes)
        self.runs[name] = info
        return info

    def _catalogue(self, r: m.GetCatalogue) -> m.Message:
        return m.Catalogue(r.id, METHODS, PRESETS, self._data(), tuple(self.models))

    def _data(self) -> tuple[DataSet, ...]:
        drawn = (DataSet(n, n, "points", (2,), len(p)) for n, p in self.drawn.items())
        return (*POINT_SETS, PICTURES, *drawn)

    def _import_points(self, r: m.ImportPoints) -> m.Message:
        self.drawn[r.name] = np.frombuffer(r.points, "<f4").reshape(-1, 2)
        return m.Imported(r.id, self._data()[-1])

    def _control(self, r: m.ControlRun) -> m.Message:
        self.actions.append((r.run, r.action))
        return m.Done(r.id)

    def _journal(self, r: m.ReadJournal) -> tuple[m.Message, bytes]:
        whole = self.journals[r.run]
        part = whole[r.offset : r.offset + 65536]
        return m.Chunk(r.id, r.offset + len(part), len(whole)), part

    def _sample(self, r: m.ReadSample) -> m.Message | tuple[m.Message, bytes]:
        if r.file not in self.samples:
            return m.Refused(r.id, f"There is no preview {r.file}.")
        data = self.samples[r.file]
        return m.Chunk(r.id, len(data), len(data)), data

    def _start(self, r: m.ReadStart) -> m.Message:
        name = r.start.partition("@")[0]
        if name not in self.specs:
            return m.Refused(r.id, f"There is no model {r.start!r}.")
        return m.SpecAnswer(r.id, self.specs[name])

    def _film(self, r: m.ReadFilm) -> m.Message:
        if r.run not in self.runs:
            return m.Refused(r.id, f"There is no run {r.run!r}.")
        return m.FilmAnswer(r.id, tuple(self.sealed[r.run]), self.runs[r.run])

    def _open(self, r: m.OpenModel) -> m.Message:
        name, _, kept = r.model.partition("@")
        run = self.runs.get(name)
        if run and run.checkpoint >= 0:
            data = next(d for d in (*POINT_SETS, PICTURES) if d.name == run.data)
            step = int(kept or run.checkpoint)
            if step not in self.sealed[name]:
                return m.Refused(r.id, f"{name} has no checkpoint of step {step}.")
            model = Model(r.model, r.model, run.method, "flow map", data, step, 0.995)
            return m.Opened(r.id, model)
        if r.model not in self.models:
            return m.Refused(r.id, f"There is no model {r.model!r}.")
        return m.Opened(r.id, self.models[r.model])

    def jump(self, r: m.Jump) -> tuple[m.Message, bytes]:
        noise = _noise(r.source, self._shape(r.model))
        x_t, x_s = noise * _scale(r.t), noise * _scale(r.s)
        arrays = {"x_t": x_t, "x_s": x_s}
        if len(x_t.shape) == 4 and not r.raw:
            described, payload = pack({name: _as_pictures(x) for name, x in arrays.items()})
        else:
            described, payload = pack(arrays)
        return m.Jumped(r.id, r.t, r.s, r.steps, 1.5, described, outside=r.s > r.t), payload

    def follow(self, r: m.Follow) -> tuple[m.Message, bytes]:
        """The truth stays where it stands; for pictures it memorises."""
        asked = m.Jump(r.id, r.model, r.source, r.t, r.t, raw=r.raw)
        answer, payload = self.jump(asked)
        assert isinstance(answer, m.Jumped)
        return m.Followed(r.id, 9.0, answer.arrays, len(self._shape(r.model)) == 3), payload

    def fields(self, r: m.Fields) -> tuple[m.Message, bytes]:
        """Velocity (t, s) everywhere; the average velocity leads to the middle, none is exact."""
        x, y, half = r.window
        line = np.linspace(-half, half, r.parts, dtype=np.float32)
        places = np.stack(np.meshgrid(x + line, y + line), -1).reshape(-1, 2).astype(np.float32)
        v = np.tile(np.array((r.t, r.s), np.float32), (len(places), 1))
        described, payload = pack({"places": places, "v": v, "u": -places})
        return m.FieldsAnswer(r.id, described), payload

    def trace(self, r: m.Trace) -> tuple[m.Message, bytes]:
        noise = _noise(r.source, (2,))
        times = np.linspace(r.t, r.s, r.points)
        learned = np.stack([noise[: r.paths] * _scale(t) for t in times]).astype(np.float32)
        x_s = noise * _scale(r.s)
        described, payload = pack({"learned": learned, "exact": learned, "exact_x_s": x_s})
        return m.Traced(r.id, tuple(times), described), payload

    def pixels(self, r: m.Pixels) -> tuple[m.Message, bytes]:
        """The learned paths of pixels, and true ones a tenth brighter."""
        noise = _noise(r.source, self._shape(r.model))
        times = np.linspace(r.t, r.s, r.points)
        at = np.array([noise[n, :, down, across] for n, down, across in r.pixels])
        learned = np.stack([at * _scale(t) for t in times]).astype(np.float32)
        arrays = {"learned": learned, **({"exact": learned + np.float32(0.1)} if r.truth else {})}
        described, payload = pack(arrays)
        return m.PixelsTraced(r.id, tuple(times), described), payload

    def picture_fields(self, r: m.PictureFields) -> tuple[m.Message, bytes]:
        """Velocity t everywhere, average velocity t - s."""
        ones = np.ones((r.source.count, *self._shape(r.model)), np.float32)
        described, payload = pack({"v": ones * np.float32(r.t), "u": ones * np.float32(r.t - r.s)})
        return m.FieldsAnswer(r.id, described), payload

    def chord(self, r: m.Chord) -> tuple[m.Message, bytes]:
        """A straight path to the middle, a velocity (t, s), a curvature of 2."""
        place = np.array(r.place, np.float32)
        path = np.linspace(place, 0 * place, r.points, dtype=np.float32)
        described, payload = pack({"path": path, "v": np.array((r.t, r.s), np.float32)})
        return m.ChordAnswer(r.id, described, 2.0, 1.5), payload

    def map(self, r: m.Map) -> tuple[m.Message, bytes]:
        """The gap t - s everywhere, twice as much where nothing is done."""
        values = np.array([t - s for t, s in r.cells], np.float32)
        nothing = 2 * values if r.kind == "error" else values[:0]
        described, payload = pack({"values": values, "nothing": nothing})
        return m.Mapped(r.id, described), payload

    def measure(self, r: m.Measure) -> m.Message:
        """More steps are better; real samples are at 0.1."""
        sliced = 0.1 + 0.4 / r.steps
        return m.Measured(r.id, r.steps, r.source.count, sliced, 0.01, 0.1, 0.001, True)

    def _shape(self, model: str) -> tuple[int, ...]:
        run = model.partition("@")[0]
        if run in self.runs:
            return (2,) if self.runs[run].data_kind == "points" else PICTURES.shape
        return self.models[model].data.shape


def png_grid(seed: int, count: int = 16, side: int = 16) -> bytes:
    """A preview as the trainer writes it: pictures side by side, 8 in a row."""
    pictures = np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), np.uint8)
    rows = pictures.reshape(count // 8, 8, side, side, 3).transpose(0, 2, 1, 3, 4)
    text = PngImagePlugin.PngInfo()
    text.add_text("tile", f"{side}x{side}")
    file = io.BytesIO()
    Image.fromarray(rows.reshape(count // 8 * side, 8 * side, 3)).save(file, "png", pnginfo=text)
    return file.getvalue()


def points_file(seed: int, count: int = 64) -> bytes:
    """A preview of points as the trainer writes it."""
    file = io.BytesIO()
    np.save(file, np.random.default_rng(seed).standard_normal((count, 2)).astype(np.float32))
    return file.getvalue()


def _noise(source: m.Source, shape: tuple[int, ...]) -> NDArray[np.float32]:
    draw = np.random.default_rng(source.seed).standard_normal((source.count, *shape))
    return draw.astype(np.float32)


def _scale(t: float) -> np.float32:
    return np.float32(math.hypot(t, 1 - t))


def _as_pictures(x: NDArray[np.float32]) -> NDArray[np.uint8]:
    bytes_ = np.clip(127.5 * (x + 1), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(bytes_.transpose(0, 2, 3, 1))
