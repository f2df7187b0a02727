"""Whether a training stands still that should move.

Its heartbeat comes from a thread of its own and goes on through a hang, so what counts is the step
and the phase that it tells.
"""

import math

from engine.contract.messages import Progress

TICK = 1.0  # seconds between two looks
LEAST = 60.0  # seconds for a step, however fast they usually are
STEPS = 30  # usual steps
LIMITS = {"compiling": 1800.0}  # seconds for each other phase
OTHER = 600.0
SPOKEN = 60.0  # seconds without any heartbeat


class Silence:
    """Adds up the seconds without a move, as this process lived them.

    A machine that slept, or a hub that was stopped, counts as one tick and a half: `tick` is told
    the time, and a gap in it is nobody's silence.
    """

    def __init__(self) -> None:
        self.phase = "loading"
        self.step_time = 0.0  # seconds of a usual step, 0 while that is not known
        self.seconds = self.unheard = 0.0
        self._mark: tuple[str, str, int] | None = None
        self._ticked: float | None = None

    def take(self, news: Progress) -> None:
        """The worker says where it is."""
        self.unheard = 0.0
        mark = (news.state, news.phase, news.step)
        if mark == self._mark:
            return
        if news.rate > 0:
            self.step_time = 1 / news.rate  # of a step that was taken: a hang slows the rate
        self._mark, self.phase, self.seconds = mark, news.phase, 0.0

    def tick(self, now: float) -> None:
        """It is `now` by the hub's clock."""
        gap = now - self._ticked if self._ticked is not None else 0.0
        self._ticked = now
        lived = min(gap, 1.5 * TICK)
        self.seconds += lived
        self.unheard += lived

    @property
    def limit(self) -> float:
        """Seconds that it may stand still for."""
        state = self._mark[0] if self._mark else "starting"
        if state in ("paused", "stopping"):
            return math.inf
        if self.phase in ("training", "teacher") and self.step_time:
            return max(LEAST, STEPS * self.step_time)
        return LIMITS.get(self.phase, OTHER)

    @property
    def silent(self) -> bool:
        """Whether it stands still for longer than that."""
        return self.seconds > self.limit
