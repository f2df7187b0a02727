"""Where the true flow takes the states that a model stands at."""

from typing import NamedTuple

from torch import Tensor

from engine.contract.errors import UserError
from engine.contract.messages import Sampler, Source
from engine.explore.jumps import check_times, state_at
from engine.explore.models import Loaded
from engine.explore.truth import truth
from engine.explore.ways import Abandoned, Wanted
from engine.flow.clock import Time
from engine.flow.oracles.oracle import Integrated


class Followed(NamedTuple):
    """`x_t` and the true `x_s`, float32 [n, ...]; `memorises`: a finite set's own flow."""

    x_t: Tensor
    x_s: Tensor
    memorises: bool


def follow(
    loaded: Loaded,
    source: Source,
    t: float,
    s: float,
    fast: bool = False,
    sampler: Sampler | None = None,
    wanted: Wanted = lambda: True,
) -> Followed:
    """Take the x_t of a model from `t` to `s` along the true flow of what it learned.

    Raises UserError where that flow is not known, Abandoned when it is not `wanted` any more.
    """
    check_times(t, s, 1)
    true = truth(loaded, source)
    if true is None:
        raise UserError(f"The true flow of {loaded.info.data.title} is not known.")
    x_t = state_at(loaded, source, t, fast, (sampler or Sampler()).guides())
    if t == 1 and source.kind == "noise" and not source.moved:
        return Followed(x_t, true.at(s, wanted), true.memorises)
    return Followed(x_t, Interruptible(true.oracle, wanted).jump(x_t, t, s), true.memorises)


class Interruptible(Integrated):
    """An oracle that is given up before an evaluation that is not wanted any more."""

    def __init__(self, oracle: Integrated, wanted: Wanted) -> None:
        self._oracle, self._wanted = oracle, wanted
        self.steps, self.floor = oracle.steps, oracle.floor

    def v(self, x: Tensor, t: Time) -> Tensor:
        """The oracle's velocity. Raises Abandoned."""
        if not self._wanted():
            raise Abandoned
        return self._oracle.v(x, t)
