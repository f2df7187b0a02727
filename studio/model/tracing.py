"""The paths of the jump in sight, asked for while nothing goes before them."""

import time
from typing import TYPE_CHECKING

from msgspec import structs

from engine.contract.messages import SUPERSEDED, Trace, Traced
from studio.link.link import LinkClosed, LinkError
from studio.model.ask import ask
from studio.model.newest import Newest
from studio.model.states import read_paths

if TYPE_CHECKING:
    from studio.model.explore_model import ExploreModel

TICK = 1 / 60  # seconds: paths that take longer than a frame are for a hand that rests
REST = 0.06  # seconds without a new wish before those are asked for
AGAIN = 1.0  # seconds after which paths are tried under a hand that moves again


class Tracing:
    """Traces the points that an explorer shows, once for each answer, the newest alone.

    The engine gives a trace up for every jump. What gave way is asked for again when the hand
    rests, and by itself: to repeat the jump for it would set companions off anew, whose jumps go
    before it too.
    """

    def __init__(self, explore: "ExploreModel") -> None:
        self._explore = explore
        self._asks = Newest(self._ask)
        self._patient = 0.0  # until then only a hand that rests is served
        explore.states_changed.connect(self._wish)
        explore.link.closed.connect(lambda why: self._asks.forget())

    def _wish(self) -> None:
        states = self._explore.states
        if states is not None and states.x_s.ndim == 2:
            self._asks.wish()

    async def _ask(self) -> None:
        explore = self._explore
        if time.monotonic() < self._patient:
            if not await self._asks.quiet(REST):
                return  # a newer one comes
            await explore.still(REST)
        states, model = explore.states, explore.model
        if self._asks.waiting or states is None or not explore.in_hand:
            return  # a newer one comes, or there will be other states
        asked = Trace(0, explore.name, states.source, states.t, states.s, sampler=explore.sampler)
        began = time.monotonic()
        try:
            answer = await ask(explore.link, lambda id: structs.replace(asked, id=id), Traced)
            paths = read_paths(asked, *answer)
        except LinkClosed:
            return  # the engine's own state says so
        except LinkError as error:
            if str(error) == SUPERSEDED:
                self._patient = time.monotonic() + AGAIN
                self._asks.wish()
            elif explore.in_hand and explore.model is model:
                explore.failed.emit(str(error))
            return
        if time.monotonic() - began > TICK:
            self._patient = time.monotonic() + AGAIN
        if explore.in_hand and explore.model is model:
            explore.take_trace(paths)
