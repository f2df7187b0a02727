"""The menus of models: shipped ones, runs, files; and what else can stand beside one."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from studio.model.catalogue_model import CatalogueModel
from studio.model.companions import ORIGIN, TRUTH, origin_problem, truth_problem
from studio.model.explore_model import ExploreModel, run_of
from studio.model.runs_model import RunsModel
from studio.theme.theme import Theme
from studio.view.widgets.tips import plain_tip

NEWEST = 40  # runs in the menu: more fit no screen, and a thousand take a second to lay out


class ModelMenu(QMenu):
    """`chosen` carries the name, run or path that a person wants."""

    chosen = Signal(str)

    def __init__(
        self,
        parent: QWidget,
        explore: ExploreModel,
        catalogue: CatalogueModel,
        runs: RunsModel,
        theme: Theme,
    ) -> None:
        super().__init__(parent)
        self._explore, self._catalogue, self._runs = explore, catalogue, runs
        self._theme = theme
        self.setToolTipsVisible(True)
        self.aboutToShow.connect(self.fill)

    def fill(self) -> None:
        """Read the lists again."""
        self.clear()
        self._add_heading("Shipped models" if self._catalogue.models else "No shipped models")
        for name in self._catalogue.models:
            self._add(name, name)
        if self._runs.runs:
            self.addSeparator()
            self._add_heading("Your runs, newest weights")
        for run in self._runs.runs[:NEWEST]:
            step = f"step {run.checkpoint:,}" if run.checkpoint >= 0 else "no checkpoint yet"
            action = self._add(run.name, f"{run.title}   {run.data} · {step} · {run.state}")
            action.setEnabled(run.checkpoint >= 0)
        if (more := len(self._runs.runs) - NEWEST) > 0:
            self._add_heading(f"{more:,} older ones: pick one on Train, then “Explore it”")
        self.addSeparator()
        folder = self._theme.icon("folder-open", "muted")
        self.addAction(folder, "Open a model file…", self.choose_file)

    def choose_file(self) -> None:
        """Ask for a model file."""
        dialog = QFileDialog(self.window(), "Open a model", "", "Models (*.safetensors)")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(self.chosen)
        dialog.open()

    def _add_heading(self, text: str) -> None:
        self.addAction(text).setEnabled(False)

    def _add(self, name: str, text: str) -> QAction:
        action = self.addAction(text.replace("&", "&&"), lambda: self.chosen.emit(name))
        action.setCheckable(True)
        action.setChecked(name == self._explore.name)
        return action


class CompanionMenu(ModelMenu):
    """Before the models: the true flow, and the very step of a training that is shown."""

    def fill(self) -> None:
        """Read the lists again."""
        super().fill()
        first = self.actions()[0]
        model = self._explore.model
        truth = QAction("The true flow", self)
        problem = truth_problem(model)
        truth.setEnabled(not problem)
        where = "Where the flow of the training pictures themselves leads"
        truth.setToolTip(plain_tip(problem or where))
        truth.triggered.connect(lambda: self.chosen.emit(TRUTH))
        self.insertAction(first, truth)
        if self._explore.source.kind != "noise" and not origin_problem(model):
            origin = QAction("The data that it came from", self)
            origin.setToolTip("To compare a round trip with where it began")
            origin.triggered.connect(lambda: self.chosen.emit(ORIGIN))
            self.insertAction(first, origin)
        run = run_of(self._explore.name)
        if model is not None and (self._runs.find(run) or run in self._catalogue.models):
            step = QAction(f"This step, {model.step:,}", self)
            step.setToolTip("Keep it in sight while the film goes on")
            step.triggered.connect(lambda: self.chosen.emit(f"{run}@{model.step}"))
            self.insertAction(first, step)
        self.insertSeparator(first)
