"""The paths that belong to the jump in sight, and no others."""

from PySide6.QtCore import QObject, QTimer, Signal

from studio.model.explore_model import ExploreModel
from studio.model.states import Paths, States

GRACE = 150  # ms that older paths may stay: less is a flicker, more is a lie


class FreshTrace(QObject):
    """The model's trace while it is of the jump that is shown, or was a moment ago.

    While a hand moves, jumps come faster than exact paths; a trace that is left behind is taken
    out of sight and comes back with the next one that fits.
    """

    changed = Signal()

    def __init__(self, explore: ExploreModel) -> None:
        super().__init__()
        self._explore = explore
        self._seen: States | None = None
        self._of_others: Paths | None = None  # a trace of other samples, whatever its times
        self._left: Paths | None = None  # it was left behind, and its grace is over or runs
        self._grace = QTimer(self, interval=GRACE, singleShot=True)
        self._grace.timeout.connect(self.changed)
        explore.states_changed.connect(self._on_states)
        explore.trace_changed.connect(self._on_trace)

    @property
    def trace(self) -> Paths | None:
        """What may be shown."""
        shown = self.fits or self._grace.isActive()
        return self._explore.trace if shown else None

    @property
    def fits(self) -> bool:
        """Whether the trace is of this very jump."""
        trace, states = self._explore.trace, self._explore.states
        if trace is None or states is None or trace is self._of_others:
            return False
        return (trace.t, trace.s) == (states.t, states.s)

    def _on_states(self) -> None:
        states, seen = self._explore.states, self._seen
        if states is None or (seen is not None and states.source != seen.source):
            self._of_others = self._explore.trace
        self._seen = states
        if self.fits:
            self._left = None
        elif self._explore.trace is not self._left:
            self._left = self._explore.trace  # once: else it would come and go under the hand
            self._grace.start()

    def _on_trace(self) -> None:
        self._of_others = None
        self._grace.stop()
        if not self.fits:
            self._left = self._explore.trace
            self._grace.start()
        self.changed.emit()
