"""Samples that are carried along a velocity: noise down from t = 1, or data up from t = 0."""

from functools import lru_cache

from torch import Tensor

from engine.contract.messages import Sampler
from engine.contract.source import Source, is_carried
from engine.explore.draws import Start, start
from engine.explore.going import go
from engine.explore.models import Loaded
from engine.explore.ways import along_velocity

CARRY = 32  # steps that carry noise from t = 1 to t = 0 where only a velocity is known


class Carried:
    """Noise on its way down from t = 1 along a velocity, or one sample on its way up from t = 0.

    Every step is taken once and kept.
    """

    def __init__(
        self, loaded: Loaded, source: Source, fast: bool, guides: Sampler, row: int = -1
    ) -> None:
        noise, data, self._label = one_row(start(loaded, source), row)
        self._up = is_carried(source)
        self._states = [data if self._up and data is not None else noise]
        self._loaded, self._fast, self._guides = loaded, fast, guides

    def at(self, t: float) -> Tensor:
        """The state at `t`: one step from the last of the even times before it."""
        before = int((t if self._up else 1 - t) * CARRY)
        while len(self._states) <= before:
            k = len(self._states)
            x = self._step(self._states[-1], self._time(k - 1), self._time(k))
            self._states.append(x)
        return self._step(self._states[before], self._time(before), t)

    def _time(self, k: int) -> float:
        return k / CARRY if self._up else 1 - k / CARRY

    def _step(self, x: Tensor, t: float, s: float) -> Tensor:
        taken = along_velocity(self._loaded, t, s, self._guides, self._fast)
        return go(self._loaded, taken, x, self._label, self._fast)


carried_once = lru_cache(maxsize=2)(Carried)


def one_row(found: Start, row: int) -> Start:
    """All that is asked about, or sample `row` of it alone."""
    if row < 0:
        return found
    noise, data, label = (None if part is None else part[row : row + 1] for part in found)
    assert noise is not None
    return Start(noise, data, label)
