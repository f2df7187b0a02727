"""What the explore worker answers: models opened, jumps made, paths traced."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray
from torch import Tensor

from engine.contract.arrays import Array, pack
from engine.contract.errors import UserError
from engine.contract.frames import PAYLOAD_CAP
from engine.contract.messages import (
    Chord,
    ChordAnswer,
    Fields,
    FieldsAnswer,
    Follow,
    Followed,
    Jump,
    Jumped,
    Look,
    Looked,
    Map,
    Mapped,
    Measure,
    Measured,
    Message,
    Opened,
    OpenModel,
    OpenStep,
    PictureFields,
    Pixels,
    PixelsTraced,
    Request,
    Source,
    StepOpened,
    Trace,
    Traced,
)
from engine.data.pixels import to_pixels
from engine.explore.chord import chord
from engine.explore.draws import one_sample
from engine.explore.fields import fields
from engine.explore.follow import follow
from engine.explore.jumps import Carrier, states
from engine.explore.maps import measured
from engine.explore.models import Loaded, Place, open_place, resolve
from engine.explore.opened_step import open_step
from engine.explore.picture_fields import picture_fields
from engine.explore.pixel_paths import pixel_paths
from engine.explore.precision import bfloat16_helps
from engine.explore.quality import quality
from engine.explore.round_trip import round_trip
from engine.explore.traces import traces

KEPT = 8  # models in memory: those that are compared, and some steps of a film


class Answers:
    """Answers requests one after the other, and keeps the models that were asked last."""

    def __init__(self, wanted: Callable[[], bool]) -> None:
        """`wanted` tells, while paths are computed, whether nothing more urgent waits."""
        self.workspace = Path()
        self._wanted = wanted
        self._models: OrderedDict[str, tuple[Place, Loaded]] = OrderedDict()
        self._fast: dict[Any, bool] = {}  # by network and shape: measured once
        self._process = psutil.Process()

    def answer(self, request: Request) -> tuple[Message, bytes]:
        """The answer and its payload. Raises UserError, DataError, Abandoned."""
        match request:
            case OpenModel():
                return Opened(request.id, self._open(request.model).info), b""
            case Look():
                return self._look(request)
            case Jump():
                return self._jump(request)
            case Fields():
                return self._fields(request)
            case Follow():
                return self._follow(request)
            case Trace():
                return self._trace(request)
            case Pixels():
                return self._pixels(request)
            case PictureFields():
                return self._picture_fields(request)
            case Chord():
                return self._chord(request)
            case Map():
                return self._map(request)
            case OpenStep():
                return self._open_step(request)
            case Measure():
                return self._measure(request)
        raise UserError(f"{type(request).__name__} is nothing that the explorer answers.")

    def _look(self, request: Look) -> tuple[Message, bytes]:
        loaded, sample = self._model(request.model), request.sample
        if request.file:
            raise UserError("The explorer opens no files: a picture is taken in by its hub first.")
        found, label = one_sample(loaded, sample)
        shown = _numbers(found) if found.ndim == 1 else to_pixels(found[None])[0]
        arrays, payload = pack({"data": shown})
        own = sample.picture or sample.point
        count = 0 if own else loaded.dataset.size(sample.held_out)
        return Looked(request.id, sample, count, label, arrays), payload

    def _jump(self, request: Jump) -> tuple[Message, bytes]:
        began = time.perf_counter()
        carrier, loaded = None, self._model(request.model)
        _check_size(loaded, request.source)
        if by := request.carrier:
            model = self._model(by.model)
            carrier = Carrier(model, by.sampler, self._may_be_fast(model, request.raw))
        fast = self._may_be_fast(loaded, request.raw)
        t, s, steps = request.t, request.s, request.steps
        found = states(loaded, request.source, t, s, steps, fast, request.sampler, carrier)
        stood = carrier.loaded if carrier else loaded
        trip = round_trip(stood, request.source, found.x_t, t, found.x_s, s)
        arrays, payload = _both(found.x_t, found.x_s, request.raw)
        took = 1e3 * (time.perf_counter() - began)
        memory = self._process.memory_info().rss
        answer = Jumped(
            request.id,
            t,
            s,
            found.nfe,
            took,
            arrays,
            found.outside,
            memory,
            found.how,
            found.carried,
            trip,
        )
        return answer, payload

    def _follow(self, request: Follow) -> tuple[Message, bytes]:
        began = time.perf_counter()
        loaded = self._model(request.model)
        _check_size(loaded, request.source)
        found = follow(
            loaded,
            request.source,
            request.t,
            request.s,
            self._may_be_fast(loaded, request.raw),
            request.sampler,
            self._wanted,
        )
        arrays, payload = _both(found.x_t, found.x_s, request.raw)
        took = 1e3 * (time.perf_counter() - began)
        return Followed(request.id, took, arrays, found.memorises), payload

    def _fields(self, request: Fields) -> tuple[Message, bytes]:
        loaded = self._model(request.model)
        t, s, sampler = request.t, request.s, request.sampler
        found = fields(loaded, t, s, request.window, request.parts, sampler, self._wanted)
        named = {name: _numbers(x) for name, x in found._asdict().items() if x is not None}
        arrays, payload = pack(named)
        return FieldsAnswer(request.id, arrays), payload

    def _may_be_fast(self, loaded: Loaded, raw: bool) -> bool:
        """Whether bfloat16 helps a model, where its answer is only looked at."""
        return not raw and self._fast[_kind(loaded)]

    def _trace(self, request: Trace) -> tuple[Message, bytes]:
        found = traces(
            self._model(request.model),
            request.source,
            request.t,
            request.s,
            request.points,
            request.paths,
            self._wanted,
            request.sampler,
        )
        named = {"learned": found.learned, "exact": found.exact, "exact_x_s": found.exact_x_s}
        arrays, payload = pack({n: _numbers(a) for n, a in named.items() if a is not None})
        answer = Traced(request.id, found.times, arrays, found.why)
        return answer, payload

    def _pixels(self, request: Pixels) -> tuple[Message, bytes]:
        loaded = self._model(request.model)
        found = pixel_paths(
            loaded,
            request.source,
            request.t,
            request.s,
            request.pixels,
            request.points,
            request.steps,
            request.sampler,
            self._may_be_fast(loaded, False),
            request.truth,
            self._wanted,
        )
        named = {"learned": found.learned, "exact": found.exact}
        arrays, payload = pack({n: _numbers(a) for n, a in named.items() if a is not None})
        return PixelsTraced(request.id, found.times, arrays, found.why), payload

    def _picture_fields(self, request: PictureFields) -> tuple[Message, bytes]:
        loaded = self._model(request.model)
        _check_size(loaded, request.source)
        t, s, steps, sampler = request.t, request.s, request.steps, request.sampler
        found = picture_fields(loaded, request.source, t, s, steps, sampler, self._wanted)
        arrays, payload = pack({name: _numbers(x) for name, x in found._asdict().items()})
        return FieldsAnswer(request.id, arrays), payload

    def _chord(self, request: Chord) -> tuple[Message, bytes]:
        loaded = self._model(request.model)
        t, s, points, sampler = request.t, request.s, request.points, request.sampler
        found = chord(loaded, request.place, t, s, points, sampler, self._wanted)
        arrays, payload = pack({"path": _numbers(found.path), "v": _numbers(found.v)})
        answer = ChordAnswer(request.id, arrays, found.curvature, found.exact, found.why)
        return answer, payload

    def _map(self, request: Map) -> tuple[Message, bytes]:
        loaded = self._model(request.model)
        other = self._model(request.other) if request.other else None
        found = measured(
            loaded,
            request.kind,
            request.source,
            request.cells,
            request.middle,
            other,
            self._wanted,
        )
        named = {"values": _numbers(found.values), "nothing": _numbers(found.nothing)}
        arrays, payload = pack(named)
        return Mapped(request.id, arrays, found.memorises), payload

    def _open_step(self, request: OpenStep) -> tuple[Message, bytes]:
        loaded = self._model(request.model)
        found = open_step(loaded, self._models[request.model][0], request.seed, request.count)
        arrays, payload = pack({name: _numbers(term) for name, term in found.terms.items()})
        step = loaded.info.step
        answer = StepOpened(request.id, found.method, step, found.loss, arrays, found.notes)
        return answer, payload

    def _measure(self, request: Measure) -> tuple[Message, bytes]:
        found = quality(
            self._model(request.model),
            request.source,
            request.steps,
            request.sampler,
            self._wanted,
        )
        answer = Measured(
            request.id,
            found.nfe,
            found.size,
            found.sliced,
            found.kernel,
            found.floor_sliced,
            found.floor_kernel,
            found.held_out,
        )
        return answer, b""

    def _model(self, name: str) -> Loaded:
        """The model of that name as it was opened last, opened now where it was not."""
        if name not in self._models:
            return self._open(name)
        self._models.move_to_end(name)
        return self._models[name][1]

    def _open(self, name: str) -> Loaded:
        """Open a model, anew only where newer weights lie there than those in memory."""
        place = resolve(name, self.workspace)
        known = self._models.get(name)
        if known is None or known[0] != place:
            loaded = open_place(name, place, self.workspace)
            if _kind(loaded) not in self._fast:
                self._fast[_kind(loaded)] = bfloat16_helps(loaded)
            self._models[name] = place, loaded
        self._models.move_to_end(name)
        if len(self._models) > KEPT:
            self._models.popitem(last=False)
        return self._models[name][1]


def _kind(loaded: Loaded) -> Any:
    return loaded.spec.network, loaded.info.data.shape


def _check_size(loaded: Loaded, source: Source) -> None:
    """Raise UserError where two states would not fit in an answer."""
    each = 8 * math.prod(loaded.info.data.shape)
    if each * source.count > PAYLOAD_CAP:
        most = PAYLOAD_CAP // each
        raise UserError(f"{source.count} samples are too many; take at most {most}.")


def _both(x_t: Tensor, x_s: Tensor, raw: bool) -> tuple[tuple[Array, ...], bytes]:
    """Two states as they are sent: points and raw ones as numbers, else pictures as pixels."""
    shown = _numbers if raw or x_t.ndim == 2 else to_pixels
    return pack({"x_t": shown(x_t), "x_s": shown(x_s)})


def _numbers(x: Tensor) -> NDArray[np.float32]:
    return np.asarray(x.numpy(), np.float32)
