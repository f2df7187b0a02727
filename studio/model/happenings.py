"""What befell a training, as its journal tells it, and never taken back by it."""

from dataclasses import dataclass
from typing import Literal

from engine.contract.journal import Ended, Event, Gap, Noticed, Rows, Skipped, Started

MOST = 500  # kept; the oldest go first

Kind = Literal["skipped", "noticed", "back", "failed"]


@dataclass(frozen=True)
class Happened:
    """One of these, at a step, in a sentence; `file` of the run holds what was skipped."""

    step: int
    kind: Kind
    text: str
    file: str = ""


class Happenings:
    """Feed it the records of a journal in their order.

    What a training loses when it goes on from an earlier step is told here all the same.
    """

    def __init__(self) -> None:
        self.list: list[Happened] = []

    def take(self, record: Event | Rows | Gap, reached: int) -> None:
        """Take one record of a `Reader`; the step that was `reached` before it."""
        match record:
            case Skipped(step, reason, file):
                self._add(Happened(step, "skipped", f"Step {step:,} was skipped: {reason}.", file))
            case Noticed(step, message):
                self._add(Happened(step, "noticed", message))
            case Ended(step, _, "failed", message):
                self._add(Happened(step, "failed", message))
            case Started(step) if step < reached:
                text = f"Went back from step {reached:,} to step {step:,}, which was saved."
                self._add(Happened(step, "back", text))

    def _add(self, happened: Happened) -> None:
        self.list = [*self.list, happened][-MOST:]
