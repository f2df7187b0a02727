"""The sign of life of a training: about ten a second, also while it saves or draws."""

import threading
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType

import psutil

from engine.contract.messages import Progress, State

PERIOD = 0.1  # seconds
_WINDOW = 30.0  # seconds over which the speed is measured
_TRUSTED = 2.0  # seconds of training before a time is promised
_STILL = 5.0  # seconds between two marks after which the process stood still (sleep, SIGSTOP)


class Pace:
    """Speed over the last half minute of training; pauses and earlier sessions do not count."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int]] = deque()

    def mark(self, step: int, now: float) -> None:
        """Training stood at `step` at the monotonic time `now`."""
        if self._marks and now - self._marks[-1][0] > _STILL:
            self._marks.clear()
        self._marks.append((now, step))
        while now - self._marks[0][0] > _WINDOW and self._marks[1][1] < step:
            self._marks.popleft()

    def reset(self) -> None:
        """Training stood still: begin anew."""
        self._marks.clear()

    @property
    def rate(self) -> float:
        """Steps a second, 0 while nothing is known."""
        if len(self._marks) < 2:
            return 0.0
        (start, first), (end, last) = self._marks[0], self._marks[-1]
        return (last - first) / (end - start) if end > start else 0.0

    def eta(self, rest: int) -> float:
        """Seconds until `rest` more steps are done, -1 while that cannot be told."""
        known = self._marks and self._marks[-1][0] - self._marks[0][0] >= _TRUSTED
        return rest / self.rate if known and self.rate else -1.0


class Heartbeat:
    """A thread that reports what the training last set here. Use as a context."""

    def __init__(self, run: str, report: Callable[[Progress], None]) -> None:
        self.run, self._report = run, report
        self.state: State = "starting"
        self.phase = "loading"
        self.step, self.steps, self.checkpoint, self.journal = 0, 0, -1, 0
        self.error: float | None = None
        self.each_second: Callable[[], None] | None = None  # slow work that may not stop training
        self._pace, self._anew = Pace(), False
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._process = psutil.Process()

    def __enter__(self) -> "Heartbeat":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._left.set()
        self._thread.join(2.0)  # a reader that does not read must not hold up leaving

    def anew(self) -> None:
        """Measure the speed anew: what is trained now is something else, or not trained at all."""
        self._anew = True

    def _beat(self) -> None:
        beats = 0
        while True:
            last = self._left.wait(PERIOD)
            try:
                self._report(self.progress())
            except OSError:  # nobody listens any more; the journal is synced all the same
                self._report = lambda progress: None
            beats += 1
            if last:
                return
            if self.each_second and beats % round(1 / PERIOD) == 0:
                self.each_second()

    def progress(self) -> Progress:
        """What is reported now."""
        running = self.state == "running"
        if not running or self._anew:
            self._pace.reset()
            self._anew = False
        elif self.step:
            self._pace.mark(self.step, time.monotonic())
        return Progress(
            self.run,
            self.state,
            self.phase,
            self.step,
            self.steps,
            rate=self._pace.rate,
            eta=self._pace.eta(self.steps - self.step) if running else -1.0,
            journal=self.journal,
            memory=self._process.memory_info().rss,
            checkpoint=self.checkpoint,
            error=self.error,
        )
