"""The left column of the Train page: preset, form, what is wrong with it, and Start."""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from engine.contract.specs import Problem
from studio.model.catalogue_model import CatalogueModel
from studio.model.check_model import TrialModel
from studio.model.form_model import FormModel
from studio.theme.theme import Theme
from studio.view.actions import Actions, bare, spaced
from studio.view.train.form_view import FormView
from studio.view.train.preset_picker import PresetPicker
from studio.view.train.reasons import Reasons
from studio.view.train.start_line import StartLine
from studio.view.train.trial import Trial
from studio.view.widgets.card import Card, label
from studio.view.widgets.switch import Switch
from studio.view.widgets.tips import plain_tip

WIDTH = 352


class FormCard(Card):
    """Everything that a run is made of, from a preset to the last detail."""

    def __init__(
        self,
        form: FormModel,
        catalogue: CatalogueModel,
        trial: TrialModel,
        theme: Theme,
        actions: Actions,
    ) -> None:
        self.advanced = Switch(theme)
        super().__init__("New run", _named(self.advanced, "Advanced"))
        self._form, self._catalogue, self._theme = form, catalogue, theme
        self._start = actions["run.start"]
        self.preset = PresetPicker(theme)
        self.preset.setAccessibleName("Preset")
        self.summary = label("", "small")
        self.summary.setWordWrap(True)
        self.origin = StartLine(form, theme)
        self.view = FormView(form, catalogue, theme)
        self.area = QScrollArea()
        self.reasons = Reasons(theme)
        self.start = QPushButton()
        self.attempt = QPushButton()
        self.queue = QPushButton(spaced("Queue"))
        self._trial = trial
        self.trial = Trial(trial, form)
        self.setFixedWidth(WIDTH)
        self._lay_out()
        self._wire(actions)
        self.refresh()

    def refresh(self) -> None:
        """Show the preset and how far the form has gone from it."""
        presets = self._catalogue.presets
        name = self._form.preset_name
        self.preset.show_presets(presets, name)
        self.preset.setEnabled(bool(presets))
        preset = self._catalogue.preset(name)
        text = preset.summary if preset else "The presets come with the engine."
        changed = " Changed." if preset and self._form.modified else ""
        self.summary.setText(text + changed if presets else "The presets come with the engine.")

    def show_reasons(self, reasons: list[Problem], busy: bool) -> None:
        """List why Start is off; `busy` while a run is being started."""
        self.reasons.show_problems(reasons)
        why = "\n".join(p.message for p in reasons)
        self.start.setToolTip(plain_tip(why) or self._start.toolTip())
        self.start.setAccessibleDescription(why)
        self.start.setText(spaced("Starting…" if busy else "Start training"))

    def _go_to(self, key: str) -> None:
        if key and key not in self.view.rows:
            self.advanced.setChecked(True)
        row = self.view.go_to(key)
        if row is not None:
            self._see(row)

    def _see(self, row: QWidget) -> None:
        self.area.ensureWidgetVisible(row, 0, 12)

    def _lay_out(self) -> None:
        self.area.setWidget(self.view)
        self.area.setWidgetResizable(True)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.start.setProperty("role", "primary")
        self.outer.setContentsMargins(14, 8, 6, 14)
        self.head.setContentsMargins(0, 0, 8, 0)
        top = QVBoxLayout()
        top.setContentsMargins(0, 0, 8, 0)
        top.setSpacing(6)
        top.addWidget(self.preset)
        top.addWidget(self.summary)
        top.addWidget(self.origin)
        bottom = QVBoxLayout()
        bottom.setContentsMargins(0, 0, 8, 0)
        bottom.setSpacing(10)
        bottom.addWidget(self.reasons)
        bottom.addWidget(self.start)
        beside = QHBoxLayout()
        beside.setSpacing(8)
        for button in (self.attempt, self.queue):
            beside.addWidget(button, 1)
        bottom.addLayout(beside)
        bottom.addWidget(self.trial)
        self.body.setSpacing(10)
        self.body.addLayout(top)
        self.body.addWidget(self.area, 1)
        self.body.addLayout(bottom)

    def _wire(self, actions: Actions) -> None:
        advanced, attempt = actions["view.advanced"], actions["run.try"]
        self._bind(self.queue, actions["run.queue"])
        self._bind(self.attempt, attempt)
        self.attempt.clicked.connect(self._try_or_cancel)
        self.queue.clicked.connect(actions["run.queue"].trigger)
        self._attempt = attempt
        for signal in (self._trial.changed, attempt.changed):
            signal.connect(self._follow_trial)
        self._follow_trial()
        self.preset.activated.connect(lambda: self._form.choose_preset(self.preset.key()))
        self.advanced.toggled.connect(self.view.show_advanced)
        self.advanced.toggled.connect(advanced.setChecked)
        advanced.toggled.connect(self.advanced.setChecked)
        self.reasons.chosen.connect(self._go_to)
        self.start.clicked.connect(self._start.trigger)
        self.view.grown.connect(lambda row: QTimer.singleShot(0, row, lambda: self._see(row)))
        self._start.changed.connect(self._follow_start)
        self._form.changed.connect(self.refresh)
        self._catalogue.changed.connect(self.refresh)
        self._theme.changed.connect(self._dress)
        self._follow_start()
        self._dress()

    def _bind(self, button: QPushButton, action: QAction) -> None:
        """Let a button be as its action is."""
        button.setToolTip(action.toolTip())
        button.setAccessibleName(bare(action.text()))
        button.setEnabled(action.isEnabled())
        action.changed.connect(lambda: button.setEnabled(action.isEnabled()))

    def _try_or_cancel(self) -> None:
        (self._trial.cancel if self._trial.running else self._attempt.trigger)()

    def _follow_trial(self) -> None:
        running = self._trial.running
        self.attempt.setText(spaced("Cancel the test" if running else "Test one step"))
        self.attempt.setEnabled(
            self._attempt.isEnabled() or (running and not self._trial.cancelled)
        )
        self._dress()

    def _follow_start(self) -> None:
        self.start.setEnabled(self._start.isEnabled())
        self._dress()

    def _dress(self) -> None:
        colour = "on_accent" if self.start.isEnabled() else "muted"
        self.start.setIcon(self._theme.icon("play", colour))
        self.attempt.setIcon(self._theme.icon("x" if self._trial.running else "activity", "muted"))
        self.queue.setIcon(self._theme.icon("queue", "muted"))


def _named(switch: Switch, name: str) -> QWidget:
    """A switch with its name on its left."""
    switch.setAccessibleName(name)
    text = label(name, "muted")
    text.setBuddy(switch)
    box = QWidget()
    layout = QHBoxLayout(box)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(8)
    layout.addWidget(text)
    layout.addWidget(switch)
    return box
