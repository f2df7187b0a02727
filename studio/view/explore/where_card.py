"""The card `Where`: pad, times, play, steps, and the samples."""

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QHBoxLayout, QSpinBox

from studio.model.explore_model import ExploreModel
from studio.model.map_model import MapModel
from studio.theme.theme import Theme
from studio.view.explore.keep_form import KeepForm
from studio.view.explore.map_bar import MapBar
from studio.view.explore.pad import TimePad
from studio.view.explore.sampler_form import SamplerForm
from studio.view.explore.source_form import SourceForm
from studio.view.explore.time_row import TimeRow
from studio.view.explore.times import CORNER
from studio.view.explore.tool import Tool
from studio.view.widgets.card import Card, label, rule
from studio.view.widgets.number_box import inset

WIDTH, WIDE = 306, 376


class WhereCard(Card):
    """Where we stand, where we jump, and from which samples."""

    def __init__(self, explore: ExploreModel, maps: MapModel, theme: Theme) -> None:
        bar = MapBar(explore, maps, theme)
        super().__init__("Where", bar.choice)
        self.map = bar
        self._told = label("", "small")
        self._explore = explore
        self.pad = TimePad(explore, maps, theme)
        self.pad.told.connect(self._told.setText)
        self.t_row = TimeRow("t", "where we stand", lambda t: self._choose(t, explore.s))
        self.s_row = TimeRow("s", "where we jump", lambda s: self._choose(explore.t, s))
        self.steps = self._steps_box()
        self.source = SourceForm(explore, theme, self.steps)
        self.keep = KeepForm(explore, self.source.samples, theme)
        self.sampler = SamplerForm(explore)
        self.play = Tool(
            theme, "play", "Play", self.toggle_play, "Play", "Move s by itself (Space)"
        )
        self.body.setSpacing(8)
        self.body.addWidget(self.pad)
        self.body.addWidget(self._told)
        self.body.addWidget(self.map)
        self.body.addWidget(self.t_row)
        self.body.addWidget(self.s_row)
        self.body.addLayout(self._transport(theme))
        self.body.addWidget(rule())
        self.body.addWidget(self.source)
        self.body.addWidget(self.keep)
        self.body.addWidget(self.sampler)
        self.body.addStretch(1)
        explore.times_changed.connect(self._show_times)
        explore.settings_changed.connect(self._show_settings)
        self._show_times()
        self._show_settings()
        self.pad.tell()

    def heightForWidth(self, width: int) -> int:
        """The pad gives way before the card has to be scrolled."""
        layout = self.layout()
        return layout.minimumHeightForWidth(width) if layout else -1

    def show_wide(self, wide: bool) -> None:
        """Take more room for the pad where the window is wide."""
        self.pad.want((WIDE if wide else WIDTH) - 30)

    def toggle_play(self) -> None:
        """Play or stop where it is."""
        if self._explore.playing:
            self._explore.stop_playing()
        else:
            self._explore.play()

    def one_step(self) -> None:
        """From noise to data in one jump."""
        self._explore.stop_playing()
        self._explore.set_times(*CORNER)
        self._explore.set_steps(1)

    def back_to_start(self) -> None:
        """Stand at noise and stay there: s = t = 1."""
        self._explore.stop_playing()
        self._explore.set_times(1.0, 1.0)

    def _transport(self, theme: Theme) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(6)
        start = Tool(
            theme, "skip-back", "Back to start", self.back_to_start, tip="Back to noise: t = s = 1"
        )
        tip = "From noise to data in one jump"
        row.addWidget(start)
        row.addWidget(self.play)
        row.addWidget(Tool(theme, "step-forward", "One step", self.one_step, "One step", tip))
        row.addStretch(1)
        return row

    def _steps_box(self) -> QSpinBox:
        box = QSpinBox()
        box.setRange(1, 1000)  # as many as the engine takes
        box.setKeyboardTracking(False)
        box.setAccessibleName("Steps of the jump")
        box.setToolTip("Jump from t to s in so many equal steps.")
        box.valueChanged.connect(self._explore.set_steps)
        inset(box)
        return box

    def _choose(self, t: float, s: float) -> None:
        if (t, s) != (self._explore.t, self._explore.s):
            self._explore.set_times(t, s, at_once=True)

    def _show_times(self) -> None:
        self.t_row.show_time(self._explore.t)
        self.s_row.show_time(self._explore.s)

    def _show_settings(self) -> None:
        with QSignalBlocker(self.steps):
            self.steps.setValue(self._explore.steps)
        self.steps.setSuffix(" step" if self._explore.steps == 1 else " steps")
        self.play.show_picture("pause" if self._explore.playing else "play")
        word = "Pause" if self._explore.playing else "Play"
        self.play.say(word)
        self.play.setAccessibleName(word)
