"""Four figures of the run in sight: how far, how good, how fast, how long."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from studio.model.run_model import RunModel
from studio.view import words
from studio.view.widgets.card import Card, label
from studio.view.widgets.elided import Elided

RECENT = 50  # rows that the shown error is the mean of


class Figure(Card):
    """A title, a large value, a small line."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.outer.setContentsMargins(14, 10, 14, 10)
        self.body.setSpacing(1)
        self._title = title
        self.value = label("–", "value")
        self.detail = Elided("small")
        self.body.addWidget(label(title, "muted"))
        self.body.addWidget(self.value)
        self.body.addWidget(self.detail)
        self.body.addStretch(1)

    def tell(self, value: str, detail: str = "") -> None:
        """Show a value and its small line."""
        self.value.setText(value)
        self.detail.setText(detail)
        self.value.setAccessibleName(f"{self._title}: {value} {detail}".strip())


class Figures(QWidget):
    """The row of figures over the curves."""

    def __init__(self) -> None:
        super().__init__()
        self.step, self.error = Figure("Step"), Figure("Error")
        self.speed, self.left = Figure("Speed"), Figure("Time left")
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setRange(0, 1000)
        self.progress.setAccessibleName("Progress")
        self.step.body.addSpacing(3)
        self.step.body.addWidget(self.progress)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        for figure in (self.step, self.error, self.speed, self.left):
            row.addWidget(figure, 1)

    def show_run(self, run: RunModel | None) -> None:
        """Show a run as it stands; dashes where there is none."""
        if run is None:
            for figure in (self.step, self.error, self.speed, self.left):
                figure.tell("–")
            self.progress.setValue(0)
            return
        info, progress = run.info, run.progress
        self.step.tell(f"{info.step:,}", f"of {info.steps:,}")
        self.progress.setValue(round(1000 * info.step / max(1, info.steps)))
        self.error.tell(*_error(run))
        rate = progress.rate if progress else _rate(run)
        samples = recent(run.curve("samples_per_second"), 20)
        many = f"{words.count(samples)} samples/s" if samples > 0 else ""
        self.speed.tell(f"{words.count(rate)} it/s" if rate > 0 else "–", many)
        self.left.tell(*_time_left(run))


def recent(values: NDArray[np.floating], rows: int = RECENT) -> float:
    """Mean of the last finite values, NaN where there is none."""
    tail = values[-rows:]
    tail = tail[np.isfinite(tail)]
    return float(tail.mean()) if len(tail) else float("nan")


def _error(run: RunModel) -> tuple[str, str]:
    """The error where s = t, whose target stands still, with the others beside it."""
    diagonal, jump = recent(run.curve("error_diagonal")), recent(run.curve("error_jump"))
    if not np.isfinite(diagonal) or not np.isfinite(jump):
        return words.amount(recent(run.curve("error"))), ""
    return words.amount(diagonal), f"at s = t  ·  {words.amount(jump)} at s < t"


def _rate(run: RunModel) -> float:
    """Steps a second over all of a run that no longer trains."""
    seconds, steps = recent(run.curve("seconds"), 1), recent(run.steps, 1)
    return steps / seconds if seconds > 0 else 0.0


def _time_left(run: RunModel) -> tuple[str, str]:
    state, progress = run.info.state, run.progress
    taken = recent(run.curve("seconds"), 1)
    after = f"after {words.duration(taken)}" if taken > 0 else ""
    if state in ("running", "starting"):
        phase = progress.phase if progress else "loading"
        eta = (
            progress.eta
            if progress and phase in ("teacher", "training", "saving", "sampling")
            else -1.0
        )
        return words.duration(eta), phase if phase != "training" else after
    return words.STATES[state], after
