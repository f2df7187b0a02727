"""A training tried in small, before it is started: how far that is, and what it measured."""

from PySide6.QtWidgets import QVBoxLayout, QWidget

from engine.contract.messages import Tried
from studio.model.check_model import TrialModel
from studio.model.form_model import FormModel
from studio.view import words
from studio.view.widgets.card import label

MEANING = (
    "Measured, not guessed: memory at its peak, updates a second, time for the whole training, "
    "and the size of a checkpoint"
)


class Trial(QWidget):
    """Shows what the newest test found; takes no room before there is one."""

    def __init__(self, trial: TrialModel, form: FormModel) -> None:
        super().__init__()
        self._trial, self._form = trial, form
        self.text = label("", "small")
        self.text.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(2, 0, 2, 0)
        column.addWidget(self.text)
        trial.changed.connect(self.refresh)
        form.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Say how far it is, or what it found."""
        trial, text = self._trial, ""
        older = trial.spec is not None and trial.spec != self._form.spec
        if trial.running:
            far = f" step {trial.done:,} of {trial.total:,}" if trial.total else " loading"
            text = "The test is given up …" if trial.cancelled else f"Testing:{far}"
        elif trial.problem:
            text = trial.problem
        elif trial.answer is not None:
            text = measured(trial.answer)
        if text and older:
            text = f"Before the changes: {text}"
        self.text.setText(text)
        self.text.setProperty("role", "error" if trial.problem else "small")
        self.text.style().polish(self.text)
        self.text.setToolTip(MEANING if trial.answer is not None else "")
        self.setVisible(bool(text))


def measured(found: Tried) -> str:
    """What a training will take, in two lines."""
    return (
        f"All of it {words.duration(found.seconds)} · {words.count(found.rate)} it/s\n"
        f"Memory {words.memory(found.memory)} · checkpoint {words.memory(found.checkpoint)}"
    )
