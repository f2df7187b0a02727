"""The Train page: form on the left, the run in sight on the right."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from studio.model.models import Models
from studio.model.tasks import spawn
from studio.theme.theme import Theme
from studio.view.actions import Actions
from studio.view.train.commands import RunCommands
from studio.view.train.curves import Curves
from studio.view.train.drawing_dialog import open_board, show_board
from studio.view.train.figures import Figures
from studio.view.train.form_card import FormCard
from studio.view.train.head import Head
from studio.view.train.queue_card import QueueCard
from studio.view.train.samples import Samples
from studio.view.train.standing_line import StandingLine
from studio.view.train.verify_line import VerifyLine
from studio.view.widgets.split import Split
from studio.view.widgets.throttle import Throttle

GUTTER = 12
STACKED, BESIDE = [420, 580], [500, 500]  # shares of the curve and the samples
WIDE = 1720  # pixels from which they stand side by side, the curve's read-out whole


class TrainPage(QWidget):
    """Configure, start and watch trainings; `refused(sentence)` is what could not be done."""

    title, icon_name = "Train", "play"
    refused = Signal(str)
    explored = Signal(str)

    def __init__(self, models: Models, theme: Theme, actions: Actions) -> None:
        super().__init__()
        self._models, self._actions = models, actions
        self.commands = RunCommands(models, actions, self)
        self.head = Head(models, theme, actions)
        self.standing = StandingLine(models, theme, actions)
        self.verifying = VerifyLine(models.verify, theme)
        self.form = FormCard(models.form, models.catalogue, models.trial, theme, actions)
        self.queue = QueueCard(models, theme, actions["run.hold"])
        self.figures = Figures()
        self.curves = Curves(theme)
        self.samples = Samples(theme, self.refused.emit)
        self._lay_out()
        self._figures_soon = Throttle(self._show_figures, self, 100)
        self.commands.changed.connect(self._show_reasons)
        self.commands.refused.connect(self.refused)
        self.head.refused.connect(self.refused)
        self.head.explored.connect(self.explored)
        self.queue.refused.connect(self.refused)
        self.queue.opened.connect(self._open_run)
        self.form.view.draw_wanted.connect(lambda: show_board(models.drawing, theme, self))
        models.drawing.refused.connect(self._on_drawing_refused)
        self._wire_edit(actions)
        self._remember_advanced(actions["view.advanced"])
        models.runs.current_changed.connect(self._show_run)
        models.lineage.changed.connect(self._show_parent)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)  # a click beside a field leaves it
        self.setAccessibleName("Train")
        self._show_reasons()
        self._show_run()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Side by side where there is room, else one above the other."""
        super().resizeEvent(event)
        self.queue.list.fit()
        wide = event.size().width() >= WIDE
        way = Qt.Orientation.Horizontal if wide else Qt.Orientation.Vertical
        if way != self.split.orientation():
            self.split.setOrientation(way)
            self.split.restore(BESIDE if wide else STACKED)

    def _open_run(self, run: str) -> None:
        spawn(self._models.runs.open(run), refused=self.refused.emit)

    def _on_drawing_refused(self, why: str) -> None:
        """Say it here where the board was closed."""
        if open_board(self) is None:
            self.refused.emit(why)

    def _show_run(self) -> None:
        run = self._models.runs.current
        if run is not None:
            run.changed.connect(self._figures_soon)
            run.progressed.connect(self._figures_soon)
        self.curves.show_run(run)
        self.samples.show_run(run)
        self._show_figures()

    def _show_parent(self) -> None:
        lineage = self._models.lineage
        self.curves.show_parent(lineage.parent_run, lineage.step)

    def _show_figures(self) -> None:
        self.figures.show_run(self._models.runs.current)

    def _show_reasons(self) -> None:
        self.form.show_reasons(self.commands.reasons(), self.commands.busy)

    def _wire_edit(self, actions: Actions) -> None:
        form = self._models.form
        for name in ("edit.preset", "file.new"):
            actions[name].triggered.connect(self._back_to_preset)
        form.changed.connect(self._show_edit)
        self._show_edit()

    def _show_edit(self) -> None:
        form, actions = self._models.form, self._actions
        actions["edit.preset"].setEnabled(bool(form.preset_name) and form.modified)

    def _remember_advanced(self, action: QAction) -> None:
        session = self._models.session
        action.setChecked(session.advanced)
        action.toggled.connect(lambda shown: setattr(session, "advanced", shown))

    def _back_to_preset(self) -> None:
        if self._models.catalogue.preset(self._models.form.preset_name):
            self._models.form.choose_preset(self._models.form.preset_name)

    def _lay_out(self) -> None:
        self.split = Split("train", self._models.session)
        self.split.setOrientation(Qt.Orientation.Vertical)
        self.split.setHandleWidth(GUTTER)
        self.split.addWidget(self.curves)
        self.split.addWidget(self.samples)
        self.split.restore(STACKED)
        right = QVBoxLayout()
        right.setSpacing(GUTTER)
        right.addWidget(self.figures)
        right.addWidget(self.split, 1)
        content = QHBoxLayout()
        content.setContentsMargins(GUTTER, GUTTER, GUTTER, GUTTER)
        content.setSpacing(GUTTER)
        left = QVBoxLayout()
        left.setSpacing(GUTTER)
        left.addWidget(self.form, 1)
        left.addWidget(self.queue)
        content.addLayout(left)
        content.addLayout(right, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.head)
        lines = QVBoxLayout()
        lines.setContentsMargins(GUTTER, 0, GUTTER, 0)
        lines.setSpacing(0)
        lines.addWidget(self.standing)
        lines.addWidget(self.verifying)
        column.addLayout(lines)
        column.addLayout(content, 1)
