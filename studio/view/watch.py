"""Keeps the window's frame true to the engine: status bar, log and notices."""

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication

from engine.contract.messages import EngineNote, Progress, RunInfo
from studio.model.models import Models
from studio.model.tasks import spawn
from studio.view.about import GET_ENGINE, INSTALL
from studio.view.status import machine, training_line
from studio.view.widgets.throttle import Throttle
from studio.view.window import Window
from studio.view.words import ACTIVE


class Watch(QObject):
    """Listens to the models on the window's behalf."""

    def __init__(self, models: Models, window: Window) -> None:
        super().__init__(window)
        self._models, self._window = models, window
        self._progress: Progress | None = None
        self._states = {run.name: run.state for run in models.runs.runs}
        self._refresh_soon = Throttle(self._show_status, self, 100)
        models.engine.changed.connect(self._on_engine)
        models.engine.logged.connect(self._on_logged)
        models.runs.progressed.connect(self._on_progress)
        models.runs.changed.connect(self._on_runs)
        window.actions_["help.engine"].triggered.connect(self._help_engine)
        for note in models.engine.log:
            self._on_logged(note)
        self._on_engine()

    def _on_engine(self) -> None:
        engine, notices = self._models.engine, self._window.notices
        if engine.state == "ready":
            notices.take_back("engine")
        elif engine.state == "failed":
            again = ("Start it again", lambda: spawn(engine.restart()))
            notices.tell(engine.message, "error", "engine", [again])
        if engine.hello and not engine.hello.torch:
            self._tell_torch()
        else:
            notices.take_back("torch")
        workspace = bool(engine.hello and engine.hello.workspace)
        self._window.actions_["help.workspace"].setEnabled(workspace)
        self._show_status()

    def _help_engine(self) -> None:
        hello = self._models.engine.hello
        if hello is not None and hello.torch:
            here = f"The engine is here: PyTorch {hello.torch} on {hello.device}."
            self._window.notices.tell(here, key="torch")
        else:
            self._tell_torch()

    def _tell_torch(self) -> None:
        copy = ("Copy the command", lambda: QGuiApplication.clipboard().setText(INSTALL))
        again = ("Look again", lambda: spawn(self._models.engine.restart()))
        self._window.notices.tell(GET_ENGINE, key="torch", answers=[copy, again])

    def _on_logged(self, note: EngineNote) -> None:
        self._window.log.add(note.level, note.text)

    def _on_progress(self, progress: Progress) -> None:
        self._progress = progress
        self._refresh_soon()

    def _on_runs(self) -> None:
        for run in self._models.runs.runs:
            before = self._states.get(run.name)
            if run.state == "failed" and before in ACTIVE:
                self._tell_failed(run)
            self._states[run.name] = run.state
        self._refresh_soon()

    def _tell_failed(self, run: RunInfo) -> None:
        why = run.message or "the log says more."
        self._window.notices.tell(f"{run.name} stopped: {why}", "error", f"failed {run.name}")

    def _show_status(self) -> None:
        engine, status = self._models.engine, self._window.status
        active = [run for run in self._models.runs.runs if run.state in ACTIVE]
        if engine.state != "ready":
            active = []
        progress = self._progress
        if progress is not None and progress.run not in [run.name for run in active]:
            progress = self._progress = None
        hello = engine.hello
        memory = progress.memory if progress else 0
        detail = machine(hello.device, hello.cores, memory) if hello else ""
        state = "without PyTorch" if hello and not hello.torch else engine.state
        status.show_engine(state, detail)
        status.show_training(_line(progress, active))


def _line(progress: Progress | None, active: list[RunInfo]) -> str:
    """The training that reported last, else one that has not yet; how many more there are."""
    if not active:
        return ""
    if progress is not None:
        p = progress
        line = training_line(p.run, p.state, p.phase, p.step, p.steps, p.rate, p.eta)
    else:
        run = active[0]
        line = training_line(run.name, run.state, "", run.step, run.steps, 0.0, -1.0)
    return f"{line}   +{len(active) - 1} more" if len(active) > 1 else line
