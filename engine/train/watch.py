"""A training that begins to go bad, told before its numbers are no numbers any more."""

import math
from collections import deque
from collections.abc import Mapping
from statistics import median

EVERY = 25  # updates between two looks, and of each of them
KNOWN = 400  # earlier updates that they are compared with
LEAST = 100  # of these before anything is told
QUIET = 2000  # updates without another sentence, twice as many each time
FAR = {"error": 10.0, "gradient_norm": 10.0, "weight": 100.0}  # times the median of what was
_WORDS = {
    "error": "the error is",
    "gradient_norm": "the gradient is",
    "weight": "the weight of the loss is",
}


class Watch:
    """Compares the median of the last updates with that of those before, of each number in `FAR`.

    A single spike moves no median. The gradient and the unweighted error grow before a training
    breaks down; a weight that is learned, or taken of the error, runs away from it. Where a method
    begins a new stage all is forgotten: its numbers are of another task then.
    """

    def __init__(self) -> None:
        self._seen: dict[str, deque[float]] = {}
        self._task: tuple[object, ...] = ()
        self._steps = 0
        self._quiet_until, self._quiet = 0, QUIET
        self.since: int | None = None  # the update before which all was as usual, while it is not

    def take(self, step: int, values: Mapping[str, float]) -> str:
        """Look at an update that was taken; one sentence where something goes bad, else empty."""
        task = (values.get("stage"), *values)
        if task != self._task:
            self._task, self.since = task, None
            self._seen.clear()
        for name in FAR.keys() & values.keys():
            seen = self._seen.setdefault(name, deque(maxlen=KNOWN + EVERY))
            if math.isfinite(values[name]):
                seen.append(values[name])
        self._steps += 1
        if self._steps % EVERY:
            return ""
        found = [(name, times) for name in FAR if (times := self._times(name)) > FAR[name]]
        if not found:
            self.since = None
            return ""
        if self.since is None:
            self.since = step - EVERY
        if self._steps < self._quiet_until:
            return ""
        self._quiet_until, self._quiet = self._steps + self._quiet, 2 * self._quiet
        name, times = found[0]
        return (
            f"This training may be breaking down: {_WORDS[name]} {times:,.0f} times what it was in "
            f"the {KNOWN} updates before; a lower learning rate often helps."
        )

    def _times(self, name: str) -> float:
        """How many times its usual size a number has now; 0 while that is not known."""
        seen = list(self._seen.get(name, ()))
        if len(seen) < LEAST + EVERY:
            return 0.0
        usual, now = median(seen[:-EVERY]), median(seen[-EVERY:])
        return now / usual if usual > 0 else 0.0
