"""Keeps the window's frame true to the engine: status bar, log and notices."""

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication

from engine.contract.messages import EngineNote, Progress, RunInfo
from studio.model.models import Models
from studio.model.standing import reason
from studio.model.tasks import spawn
from studio.view import words
from studio.view.about import GET_ENGINE, INSTALL
from studio.view.status import machine, training_line
from studio.view.widgets.throttle import Throttle
from studio.view.window import Window
from studio.view.words import ACTIVE

SILENT, FAILED = "silent", "failed"


class Watch(QObject):
    """Listens to the models on the window's behalf."""

    def __init__(self, models: Models, window: Window) -> None:
        super().__init__(window)
        self._models, self._window = models, window
        self._progress: Progress | None = None
        self._seen = {run.name: run for run in models.runs.runs}
        self._left_alone = False  # the engine was found at work, or what was left to it
        self._refresh_soon = Throttle(self._show_status, self, 100)
        models.engine.changed.connect(self._on_engine)
        models.engine.logged.connect(self._on_logged)
        models.runs.progressed.connect(self._on_progress)
        models.runs.changed.connect(self._on_runs)
        models.runs.current_changed.connect(self._on_sight)
        window.page_changed.connect(lambda title: self._on_sight())
        window.actions_["help.engine"].triggered.connect(self._help_engine)
        for note in models.engine.log:
            self._on_logged(note)
        self._on_engine()

    def _on_engine(self) -> None:
        engine, notices = self._models.engine, self._window.notices
        if engine.state == "ready":
            notices.take_back("engine")
            kept = bool(engine.detached or self._models.session.kept)
            self._left_alone = self._left_alone or kept
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
        if self._left_alone and self._models.runs.runs:
            self._tell_what_went_on()
        for run in self._models.runs.runs:
            if before := self._seen.get(run.name):
                self._tell_change(before, run)
            self._seen[run.name] = run
        self._refresh_soon()

    def _on_sight(self) -> None:
        """What is said of the run in sight need not be said twice."""
        for run in self._models.runs.runs:
            if self._in_sight(run):
                self._window.notices.take_back(f"{SILENT} {run.name}")
                self._window.notices.take_back(f"{FAILED} {run.name}")

    def _tell_change(self, before: RunInfo, run: RunInfo) -> None:
        notices, why = self._window.notices, run.message or "the log says more."
        look = [("Look at it", lambda: self._look(run.name))]
        if before.state == "silent" != run.state:
            notices.take_back(f"{SILENT} {run.name}")
        if run.state == "starting" and run.message and run.message != before.message:
            text = f"{run.name}: {run.message}"
            notices.tell(text, "warning", f"restarted {run.name}")
        elif run.state == before.state or self._in_sight(run):
            return
        elif run.state == "failed" and before.state in ACTIVE:
            text = f"{run.name} stopped: {reason(run) or why}"
            notices.tell(text, "error", f"{FAILED} {run.name}", look)
        elif run.state == "silent":
            notices.tell(f"{run.name}: {why}", "warning", f"{SILENT} {run.name}", look)

    def _in_sight(self, run: RunInfo) -> bool:
        """Whether the page Train shows how it stands."""
        current = self._models.runs.current
        return self._window.page_title() == "Train" and bool(current and current.name == run.name)

    def _look(self, run: str) -> None:
        self._window.show_page("Train")

        def refused(why: str) -> None:
            self._window.notices.tell(why, "error", "refused")

        spawn(self._models.runs.open(run), refused=refused)

    def _tell_what_went_on(self) -> None:
        """Once, quietly: what became of the trainings that were left alone."""
        runs, session = self._models.runs, self._models.session
        kept = [info for name in session.kept if (info := runs.find(name))]
        more = [info for info in runs.runs if info.state in ACTIVE and info not in kept]
        self._left_alone, session.kept = False, []
        if found := kept + more:
            told = "; ".join(_how_it_went(info) for info in found)
            self._window.notices.tell(f"Training went on in the background: {told}.", key="kept")

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


def _how_it_went(run: RunInfo) -> str:
    if run.state in ACTIVE:
        return f"{run.name} is at step {run.step:,}"
    return f"{run.name} {words.STATES[run.state]} at step {run.step:,}"


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
