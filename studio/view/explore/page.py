"""The page Explore: where we jump on the left, what comes of it, what it says on the right."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from studio.link.link import LinkError
from studio.model.exploring import Exploring
from studio.model.tasks import spawn
from studio.theme.theme import Theme
from studio.view.explore.companion_chips import CompanionChips
from studio.view.explore.export_choice import Choice
from studio.view.explore.export_line import ExportLine
from studio.view.explore.exports import Exports
from studio.view.explore.film_card import FilmCard
from studio.view.explore.fresh_trace import FreshTrace
from studio.view.explore.held_part import HeldPart
from studio.view.explore.jump_card import WIDTH as NUMBERS
from studio.view.explore.jump_card import JumpCard
from studio.view.explore.line import Line
from studio.view.explore.model_picker import ModelPicker
from studio.view.explore.panes import EmptyPane, ParticlesPane
from studio.view.explore.picture_taker import PictureTaker
from studio.view.explore.pictures_pane import PicturesPane
from studio.view.explore.quality_card import QualityPart
from studio.view.explore.schedule_card import SchedulePart
from studio.view.explore.step_pane import KEY, TIP, StepPane
from studio.view.explore.times import STEP
from studio.view.explore.tool import Tool
from studio.view.explore.where_card import WIDE, WIDTH, WhereCard
from studio.view.widgets.notice import Notices
from studio.view.widgets.picture_grid import Pick

_NARROW, _WIDE = 1000, 1500  # page widths: no numbers below the first, a larger pad above
_MIDDLE = 280  # least width of what is looked at
_BAR = 10  # room for the bar of what scrolls
_SAID = 6000  # ms that a message stays


class ExplorePage(QWidget):
    """One model at a time under a hand; everything shown is what the explore model holds."""

    title = "Explore"
    icon_name = "image"

    def __init__(self, models: Exploring, theme: Theme) -> None:
        super().__init__()
        explore, maps, film, companions, quality, schedule, opened, fields = models[:8]
        closer, catalogue, runs = models.closer, models.catalogue, models.runs
        self.explore, self.companions = explore, companions
        self._catalogue, self._theme = catalogue, theme
        self.pick, self._fresh = Pick(), FreshTrace(explore)
        self.notices = Notices(theme)
        self.picker = ModelPicker(explore, catalogue, runs, theme)
        self.chips = CompanionChips(explore, companions, catalogue, runs, theme)
        self.where = WhereCard(explore, maps, theme)
        looks = closer.pixels, closer.picture_fields
        self.pictures = PicturesPane(explore, companions, catalogue, *looks, theme, self.pick)
        seen = companions, fields, closer.chord, self._fresh
        self.particles = ParticlesPane(explore, *seen, theme)
        self.empty = EmptyPane(theme)
        self.training_step, self.opened = opened, StepPane(opened, theme)
        self.film = FilmCard(film, theme)
        self.quality = QualityPart(quality, theme)
        self.schedule = SchedulePart(explore, schedule, theme)
        self.held = HeldPart(explore, closer.held, theme)
        parts = self.held, self.quality, self.schedule
        self.jump = JumpCard(explore, self._fresh, catalogue, parts)
        self.said = Line("Message", theme)
        plot = self.particles.plot
        self._exports = Exports(self, explore, maps, catalogue, self.pick, plot, theme)
        self.exporting = ExportLine(self._exports.model, theme)
        self._exports.refused.connect(self.problem)
        self._exports.failed.connect(lambda why: self.problem(why, "export"))
        self._exports.done.connect(self._on_done)
        self.taker = PictureTaker(self)
        self.taker.taken.connect(self.where.source.samples.take_file)
        self.taker.said.connect(self.said.set_text)
        self.taker.refused.connect(self.problem)
        self.where.source.refused.connect(self.problem)
        self.where.source.wanted.connect(self.taker.ask)
        self._quiet = QTimer(self, interval=_SAID, singleShot=True)
        self._quiet.timeout.connect(lambda: self.said.set_text(""))
        self._icons: dict[QAction, str] = {}
        self._add_actions()
        theme.changed.connect(self._dress)
        self._dress()
        self._lay_out()
        self.picker.chosen.connect(self.open)
        self.chips.chosen.connect(self.add)
        explore.model_changed.connect(self._on_model)
        explore.states_changed.connect(self._on_states)
        explore.failed.connect(self._on_failed)
        opened.changed.connect(self._on_model)
        film.failed.connect(self._on_failed)
        closer.pixels.refused.connect(self.problem)
        self._on_model()
        self._on_states()

    def open(self, name: str) -> None:
        """Take another model in hand."""
        self.picker.show_opening(name)
        if self.explore.model is None:
            self.empty.say(f"Opening {name}…")
        spawn(self._open(name))

    def add(self, name: str) -> None:
        """Put another model beside the one in hand."""
        spawn(self.companions.add(name), refused=self.problem)

    def problem(self, sentence: str, key: str = "problem") -> None:
        """Say what went wrong; everything else goes on."""
        if self.notices.texts().get(key) != sentence:
            self.notices.tell(sentence, "error", key)
        if self.explore.model is None:
            self.empty.say(sentence)

    def export(self) -> None:
        """Ask what to export, how and where to, and write it."""
        self.notices.take_back("export")
        self._exports.ask()

    def save(self, choice: Choice, path: Path) -> None:
        """Write what is in sight to a file."""
        self._exports.save(choice, path)

    def copy(self) -> None:
        """The picture under the cursor, else all of them or the plot, to the clipboard."""
        self._exports.copy()

    def say(self, sentence: str) -> None:
        """A message for a few seconds."""
        self.said.set_text(sentence)
        self._quiet.start()

    def event(self, event: QEvent) -> bool:
        """Space presses the button that has the keys, and plays everywhere else."""
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.key() == Qt.Key.Key_Space
            and isinstance(QApplication.focusWidget(), QAbstractButton | QComboBox)
        ):
            event.accept()
            return True
        return super().event(event)

    def showEvent(self, event: QShowEvent) -> None:
        """The pad has the keys until something else is chosen."""
        super().showEvent(event)
        if not event.spontaneous():
            self.where.pad.setFocus()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Pictures before numbers where there is little room."""
        self._show_numbers()
        self.where.show_wide(self.width() >= _WIDE)
        self.where_area.setFixedWidth(WIDE if self.width() >= _WIDE else WIDTH)
        super().resizeEvent(event)

    def _on_failed(self, sentence: str) -> None:
        self.problem(sentence, "jump")

    def _on_done(self, sentence: str) -> None:
        self.notices.take_back("problem")
        self.say(sentence)

    async def _open(self, name: str) -> None:
        try:
            await self.explore.open(name)
            self.notices.take_back("problem")
        except LinkError as error:
            self.problem(str(error))
        finally:
            self.picker.show_opening("")

    def _on_model(self) -> None:
        model = self.explore.model
        if model is None:
            self.middle.setCurrentWidget(self.empty)
            self.empty.say("Choose a model above, and its flow map is in your hand.")
            return
        points = model.data.kind == "points"
        self.particles.show_exact(model.data.exact)
        pane = self.particles if points else self.pictures
        self.middle.setCurrentWidget(self.opened if self.training_step.open else pane)
        self._show_numbers()

    def _show_numbers(self) -> None:
        """An opened step has its own, and needs the room."""
        self.jump_area.setVisible(self.width() >= _NARROW and not self.training_step.open)

    def _on_states(self) -> None:
        states = self.explore.states
        if states is not None:
            self.notices.take_back("jump")
            (self.particles if states.x_s.ndim == 2 else self.pictures).show_states(states)

    def _lay_out(self) -> None:
        bar = QFrame()
        bar.setProperty("role", "bar")
        top = QHBoxLayout(bar)
        top.setContentsMargins(12, 8, 12, 8)
        top.setSpacing(8)
        top.addWidget(self.picker)
        top.addWidget(self.chips)
        top.addSpacing(8)
        top.addWidget(self.said, 1)
        top.addWidget(self.exporting)
        for tool in self._tools():
            tool.setProperty("role", "quiet")
            top.addWidget(tool)
        self.middle = QStackedWidget()
        for pane in (self.empty, self.pictures, self.particles, self.opened):
            pane.setMinimumWidth(_MIDDLE)
            self.middle.addWidget(pane)
        row = QHBoxLayout()
        row.setContentsMargins(12, 12, 12, 12)
        row.setSpacing(12)
        self.where_area = _scrolled(self.where)
        row.addWidget(self.where_area)
        looked_at = QVBoxLayout()
        looked_at.setSpacing(12)
        looked_at.addWidget(self.middle, 1)
        looked_at.addWidget(self.film)
        row.addLayout(looked_at, 1)
        self.jump_area = _scrolled(self.jump)
        self.jump_area.setFixedWidth(NUMBERS + _BAR)
        row.addWidget(self.jump_area)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(bar)
        column.addWidget(self.notices)
        column.addLayout(row, 1)

    def _tools(self) -> tuple[Tool, ...]:
        tip = "Copy the picture under the cursor, or all of them (Ctrl+Shift+C)"
        theme = self._theme
        return (
            Tool(theme, "layers", "Training step", self._toggle_step, "Step", TIP, "muted"),
            Tool(theme, "copy", "Copy", self.copy, "Copy", tip, "muted"),
            Tool(theme, "download", "Export", self.export, "Export…", "Export (Ctrl+E)", "muted"),
        )

    def _toggle_step(self) -> None:
        self.training_step.toggle()

    def _toggle_fields(self) -> None:
        if self.middle.currentWidget() is self.pictures:
            self.pictures.toggle_fields()
        else:
            self.particles.field_actions["v"].toggle()

    def _toggle_pixels(self) -> None:
        if self.middle.currentWidget() is self.pictures:
            self.pictures.toggle_pointing()

    def _add_actions(self) -> None:
        pad, where = self.where.pad, self.where
        self._act("Play or pause", "Space", where.toggle_play, "play")
        self._act("From noise to data in one jump", "O", where.one_step, "step-forward")
        self._act("Back to noise", "B", where.back_to_start, "skip-back")
        self._act("New seed", "R", where.source.new_seed, "dice-5")
        self._act("Seed before", "Shift+R", where.source.past_seed, "undo-2")
        self._act("Less t", "[", lambda: pad.move_by(-STEP, 0))
        self._act("More t", "]", lambda: pad.move_by(STEP, 0))
        self._act("Less s", "{", lambda: pad.move_by(0, -STEP))
        self._act("More s", "}", lambda: pad.move_by(0, STEP))
        self._act("Choose a model", "M", self.picker.open_menu)
        self._act("Add a model", "Shift+M", self.chips.open_menu, "plus")
        self._act("Compare in another way", "C", self.pictures.compare_next)
        self._act("Put back what was dragged", "Esc", where.source.undo)
        self._act("Start from a picture…", "I", self.taker.ask, "folder-open")
        self._act("Start from the clipboard", "Ctrl+V", self.taker.paste)
        self._act("Velocity over the plane, or fields as pictures", "F", self._toggle_fields)
        self._act("Point at pixels", "P", self._toggle_pixels)
        self._act("Chord at the cursor", "H", self.particles.chord_action.toggle)
        self._act("Open a training step", KEY, self.training_step.toggle, "layers")
        self._act("Copy picture", "Ctrl+Shift+C", self.copy, "copy")
        self._act("Export…", "Ctrl+E", self.export, "download")

    def _act(self, text: str, keys: str, done: Callable[[], object], picture: str = "") -> None:
        action = QAction(text, self)
        action.setShortcut(QKeySequence(keys))
        action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.triggered.connect(lambda: done())
        self.addAction(action)
        self._icons[action] = picture

    def _dress(self) -> None:
        for action, picture in self._icons.items():
            if picture:
                action.setIcon(self._theme.icon(picture, "muted"))


def _scrolled(card: QWidget) -> QScrollArea:
    """The card in an area that scrolls where the window is too low for it."""
    area = QScrollArea()
    area.setWidget(card)
    area.setWidgetResizable(True)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return area
