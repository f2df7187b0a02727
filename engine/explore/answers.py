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

from engine.contract.arrays import pack
from engine.contract.errors import UserError
from engine.contract.frames import PAYLOAD_CAP
from engine.contract.messages import (
    Jump,
    Jumped,
    Map,
    Mapped,
    Measure,
    Measured,
    Message,
    Opened,
    OpenModel,
    Request,
    Trace,
    Traced,
)
from engine.data.pixels import to_pixels
from engine.explore.jumps import states
from engine.explore.maps import measured
from engine.explore.models import Loaded, Place, open_place, resolve
from engine.explore.precision import bfloat16_helps
from engine.explore.quality import quality
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
            case Jump():
                return self._jump(request)
            case Trace():
                return self._trace(request)
            case Map():
                return self._map(request)
            case Measure():
                return self._measure(request)
        raise UserError(f"{type(request).__name__} is nothing that the explorer answers.")

    def _jump(self, request: Jump) -> tuple[Message, bytes]:
        began = time.perf_counter()
        loaded = self._model(request.model)
        size = 8 * request.source.count * math.prod(loaded.info.data.shape)
        if size > PAYLOAD_CAP:
            most = PAYLOAD_CAP // (size // request.source.count)
            raise UserError(f"{request.source.count} samples are too many; take at most {most}.")
        fast = not request.raw and self._fast[_kind(loaded)]
        t, s, steps = request.t, request.s, request.steps
        found = states(loaded, request.source, t, s, steps, fast, request.sampler)
        shown = _numbers if request.raw or found.x_t.ndim == 2 else to_pixels
        arrays, payload = pack({"x_t": shown(found.x_t), "x_s": shown(found.x_s)})
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
        )
        return answer, payload

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
        answer = Traced(request.id, found.times, arrays, found.error, found.nothing, found.why)
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


def _numbers(x: Tensor) -> NDArray[np.float32]:
    return np.asarray(x.numpy(), np.float32)
