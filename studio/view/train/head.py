"""The top bar of the Train page: which run is in sight, and what can be done with it."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QPushButton, QToolButton

from engine.contract.lineage import origin
from engine.contract.messages import RunInfo
from studio.model.models import Models
from studio.model.tasks import spawn
from studio.theme.theme import Theme
from studio.view import words
from studio.view.actions import Actions, bare, spaced
from studio.view.status import Dot
from studio.view.train.run_picker import RunPicker
from studio.view.train.start_line import MIDDLE, told
from studio.view.widgets.card import label
from studio.view.widgets.elided import Elided
from studio.view.widgets.tips import plain_tip

HEIGHT = 50
COLOURS = {
    "queued": "muted",
    "running": "good",
    "silent": "bad",
    "starting": "warning",
    "paused": "warning",
    "stopping": "warning",
    "finished": "accent",
    "failed": "bad",
}
TOOLS = ("pause", "stop", "resume", "sample", "save")
MORE = ("again", "later", "verify")


class Head(QFrame):
    """Picks a run; `refused(sentence)` where it cannot be opened, `explored(run)` to explore it."""

    refused = Signal(str)
    explored = Signal(str)

    def __init__(self, models: Models, theme: Theme, actions: Actions) -> None:
        super().__init__()
        self._models, self._theme, self._actions = models, theme, actions
        self.setProperty("role", "bar")
        self.setFixedHeight(HEIGHT)
        self.picker = RunPicker(models.runs)
        self.dot = Dot(theme)
        self.state = label("", "title")
        self.about = Elided()
        self.origin = Elided(cut=MIDDLE)
        self.explore = QPushButton(spaced("Explore it"))
        self._tools = [self._tool(name) for name in TOOLS]
        self.more = QToolButton()
        self._lay_out()
        self.picker.activated.connect(self._pick)
        self.explore.clicked.connect(self._explore)
        models.runs.changed.connect(self.refresh)
        models.runs.current_changed.connect(self._follow)
        models.catalogue.changed.connect(self.refresh)
        models.lineage.changed.connect(self._show_origin)
        theme.changed.connect(self._dress)
        self._dress()
        self._follow()
        self._show_origin()

    def refresh(self) -> None:
        """Show the runs, and how the one in sight stands."""
        runs, current = self._models.runs.runs, self._models.runs.current
        self.picker.show_runs(current.name if current else "")
        self.picker.setEnabled(bool(runs))
        self.picker.setToolTip(plain_tip(current.name) if current else "")
        self.picker.setPlaceholderText("Pick a run" if runs else "No run yet")
        info = current.info if current else None
        self.dot.setVisible(info is not None)
        self.more.setVisible(info is not None)
        self.dot.show_colour(COLOURS.get(info.state, "muted") if info else "muted")
        self.state.setText(words.STATES[info.state] if info else "")
        about = self._about(info) if info else ""
        self.about.setText(about)
        # What it learns by is read before where it is from, where there is room for one.
        method = f"{about.partition(' · ')[0]} ·…" if self._models.lineage.start else ""
        self.about.setMinimumWidth(self.about.fontMetrics().horizontalAdvance(method))
        self.explore.setVisible(info is not None and info.checkpoint >= 0)
        for tool in self._tools:
            tool.setVisible(tool.defaultAction().isEnabled())

    def _show_origin(self) -> None:
        """From what it started, and what it does otherwise."""
        lineage = self._models.lineage
        self.refresh()
        self.origin.setVisible(bool(lineage.start))
        self.origin.setText(f"from {origin(lineage.start)}")
        self.origin.tip = told(lineage.changes())
        self.origin.setAccessibleDescription(self.origin.tip)
        self.origin.update()

    def _about(self, info: RunInfo) -> str:
        catalogue = self._models.catalogue
        method, data = catalogue.method(info.method), catalogue.data_set(info.data)
        parts = [method.title if method else info.method, data.title if data else info.data]
        if info.message:
            return info.message
        if info.checkpoint >= 0:
            parts.append(f"saved at {info.checkpoint:,}")
        return " · ".join(parts)

    def _follow(self) -> None:
        if self._models.runs.current is not None:
            self._models.runs.current.progressed.connect(self.refresh)
        self.refresh()

    def _pick(self) -> None:
        spawn(self._models.runs.open(self.picker.key()), refused=self.refused.emit)

    def _explore(self) -> None:
        if current := self._models.runs.current:
            self.explored.emit(current.name)

    def _tool(self, name: str) -> QToolButton:
        action = self._actions[f"run.{name}"]
        button = QToolButton()
        button.setDefaultAction(action)
        button.setProperty("role", "quiet")
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setIconSize(QSize(16, 16))

        def follow() -> None:
            button.setText(spaced(action.iconText()))
            button.setAccessibleName(bare(action.text()))
            button.setVisible(action.isEnabled())

        action.changed.connect(follow)
        follow()
        return button

    def _lay_out(self) -> None:
        self.picker.setAccessibleName("Run")
        self.picker.setFixedWidth(270)
        self.dot.setFixedWidth(10)
        self.explore.setProperty("role", "quiet")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 12, 0)
        row.setSpacing(8)
        row.addWidget(self.picker)
        row.addSpacing(6)
        row.addWidget(self.dot)
        row.addWidget(self.state)
        row.addWidget(self.origin)
        row.addWidget(self.about, 1)
        for tool in self._tools:
            row.addWidget(tool)
        row.addWidget(self.explore)
        row.addWidget(self.more)
        self._fill_more()

    def _fill_more(self) -> None:
        """What is wanted more seldom."""
        menu = QMenu(self.more)
        menu.setToolTipsVisible(True)
        for name in MORE:
            menu.addAction(self._actions[f"run.{name}"])
        self.more.setMenu(menu)
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.setProperty("role", "quiet")
        self.more.setIconSize(QSize(16, 16))
        self.more.setToolTip("More that can be done with this run")
        self.more.setAccessibleName("More")

    def _dress(self) -> None:
        self.explore.setIcon(self._theme.icon("move-diagonal", "muted"))
        self.more.setIcon(self._theme.icon("more", "muted"))
