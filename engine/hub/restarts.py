"""How often a worker that died is started again."""

import time
from collections import deque
from collections.abc import Callable

MOST = 3
WITHIN = 600.0  # seconds


class Restarts:
    """At most `MOST` within `WITHIN` seconds by a clock that no one sets."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._times: deque[float] = deque()

    @property
    def count(self) -> int:
        """How many there were of late."""
        return len(self._times)

    def allowed(self) -> bool:
        """Whether there may be one more now; it is counted then."""
        now = self._clock()
        while self._times and now - self._times[0] > WITHIN:
            self._times.popleft()
        if len(self._times) >= MOST:
            return False
        self._times.append(now)
        return True
