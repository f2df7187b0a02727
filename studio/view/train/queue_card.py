"""The queue on the Train page: what is trained now, and what waits for its turn."""

from collections.abc import Coroutine
from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QPushButton, QSpinBox, QVBoxLayout

from engine.contract.messages import RunInfo
from studio.model.models import Models
from studio.model.tasks import spawn
from studio.theme.theme import Theme
from studio.view.train.form_card import WIDTH
from studio.view.train.queue_list import QueueList
from studio.view.train.queue_row import TrainingRow
from studio.view.widgets.card import Card, label
from studio.view.widgets.throttle import Throttle

MOST = 3  # of those that are trained now; the others are counted
AT_ONCE = 16  # what the engine takes


class QueueCard(Card):
    """In sight while something waits; `refused(sentence)`, `opened(run)` to be looked at."""

    refused = Signal(str)
    opened = Signal(str)

    def __init__(self, models: Models, theme: Theme, hold: QAction) -> None:
        super().__init__("Queue")
        self._models, self._queue, self._theme = models, models.queue, theme
        self._hold = hold
        self.count = label("", "small")
        self.at_once = QSpinBox()
        self.hold = QPushButton("Hold")
        self.list = QueueList(theme, self._what)
        self.now: dict[str, TrainingRow] = {}
        self._training = QVBoxLayout()
        self._more = label("", "small")
        self._lay_out()
        self._wire()
        self.refresh()

    def refresh(self) -> None:
        """Show the queue as it is."""
        queue = self._queue
        waiting = queue.waiting
        with QSignalBlocker(self.at_once), QSignalBlocker(self.hold):
            self.at_once.setValue(queue.at_once)
            self.hold.setChecked(queue.held)
        self._hold.setChecked(queue.held)
        self.count.setText(f"{len(waiting)} waiting" + (", held" if queue.held else ""))
        self.list.show_runs(waiting)
        self._show_training()
        self.setVisible(bool(waiting))

    def _show_training(self) -> None:
        training = self._queue.training
        names = [info.name for info in training[:MOST]]
        for name in [n for n in self.now if n not in names]:
            row = self.now.pop(name)
            row.hide()
            row.deleteLater()
        for info in training[:MOST]:
            if info.name not in self.now:
                row = self.now[info.name] = TrainingRow(self._theme, info.name)
                row.opened.connect(lambda name=info.name: self.opened.emit(name))
                self._training.addWidget(row)
            self.now[info.name].show_run(info, self._queue.progress(info.name))
        more = len(training) - MOST
        self._more.setText(f"and {more} more")
        self._more.setVisible(more > 0)

    def _what(self, info: RunInfo) -> str:
        """What a run that waits is going to train."""
        catalogue = self._models.catalogue
        method, data = catalogue.method(info.method), catalogue.data_set(info.data)
        steps = f"{info.steps:,} steps"
        if info.step:
            steps = f"on from {info.step:,} of {steps}"
        names = method.title if method else info.method, data.title if data else info.data
        return " · ".join((steps, *names))

    def _ask(self, change: Coroutine[Any, Any, None]) -> None:
        spawn(change, refused=self._on_refused)

    def _on_refused(self, why: str) -> None:
        self.refresh()  # back to what the engine knows
        self.refused.emit(why)

    def _wire(self) -> None:
        queue, soon = self._queue, Throttle(self._show_training, self, 200)
        queue.changed.connect(self.refresh)
        queue.progressed.connect(soon)
        self._models.catalogue.changed.connect(self.refresh)
        self.list.moved.connect(lambda run, place: self._ask(queue.move(run, place)))
        self.list.taken.connect(lambda run: self._ask(queue.take_out(run)))
        self.list.opened.connect(self.opened)
        self.at_once.valueChanged.connect(lambda count: self._ask(queue.set_at_once(count)))
        self._hold.triggered.connect(lambda held: self._ask(queue.hold(held)))
        self.hold.clicked.connect(self._hold.trigger)

    def _lay_out(self) -> None:
        self.at_once.setRange(1, AT_ONCE)
        self.at_once.setKeyboardTracking(False)
        self.at_once.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.at_once.setFixedWidth(52)
        self.at_once.setToolTip("How many are trained at once on each device")
        self.at_once.setAccessibleName("Trained at once on each device")
        self.hold.setProperty("role", "chip")
        self.hold.setCheckable(True)
        self.hold.setToolTip("Begin nothing new; what is trained goes on")
        self.hold.setAccessibleName("Hold the queue")
        self.setFixedWidth(WIDTH)  # a long name or problem is cut, and moves nothing
        self.outer.setContentsMargins(14, 8, 10, 10)
        self.head.insertWidget(self.head.indexOf(self.title) + 1, self.count)
        self.head.addWidget(label("at once", "small"))
        self.head.addWidget(self.at_once)
        self.head.addWidget(self.hold)
        self._training.setSpacing(2)
        self.body.setSpacing(4)
        self.body.addLayout(self._training)
        self.body.addWidget(self._more)
        self.body.addWidget(self.list)
