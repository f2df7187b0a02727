"""The commands of a training: when they can be given, and what they ask of the models."""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Signal

from engine.contract.messages import Action, RunInfo
from engine.contract.specs import Problem
from studio.model.models import Models
from studio.model.run_model import RunModel
from studio.model.standing import RATE, can_be_killed, smaller_rate
from studio.model.tasks import spawn
from studio.view.about import NO_TORCH
from studio.view.actions import Actions
from studio.view.words import ACTIVE


class RunCommands(QObject):
    """Keeps the Run menu true; `refused(sentence)` where something could not be done."""

    changed = Signal()
    refused = Signal(str)

    def __init__(self, models: Models, actions: Actions, parent: QObject) -> None:
        super().__init__(parent)
        self._models, self._actions = models, actions
        self.busy = False  # a start or a resume is under way
        self._followed: RunModel | None = None
        controls: tuple[Action, ...] = ("stop", "save", "sample", "kill")
        for action in controls:
            self._on(action, partial(self._control, action))
        self._on("start", self.start)
        self._on("queue", self.queue)
        self._on("try", self._try)
        self._on("pause", self._pause)
        self._on("resume", self._resume)
        self._on("later", self._resume_later)
        self._on("smaller", self._go_on_smaller)
        self._on("again", self._run_again)
        self._on("verify", self._verify)
        for signal in (
            models.form.changed,
            models.catalogue.changed,
            models.engine.changed,
            models.trial.changed,
            models.verify.changed,
        ):
            signal.connect(self.refresh)
        models.runs.current_changed.connect(self._follow)
        self._follow()

    def reasons(self) -> list[Problem]:
        """Why training cannot start; those about a field come with its key."""
        engine = self._models.engine
        if engine.state == "starting":
            return [Problem("", "The engine is starting.")]
        if engine.hello is None:
            return [Problem("", engine.message or "The engine is not running.")]
        if not engine.hello.torch:
            return [Problem("", NO_TORCH)]
        return self._models.form.problems()

    def start(self) -> None:
        """Start a training of the form's spec."""
        if not self.busy and not self.reasons():
            self._begin(self._models.runs.start(self._models.form.spec))

    def queue(self) -> None:
        """Let a training of the form's spec, as it is now, wait for its turn."""
        if not self.busy and not self.reasons():
            self._begin(self._models.runs.queue(self._models.form.spec))

    def refresh(self) -> None:
        """Set what can be done now."""
        run = self._models.runs.current
        state = run.info.state if run else ""
        ready = self._models.engine.state == "ready"
        active = ready and state in ACTIVE
        whole = not self.busy and not self.reasons()
        ended = ready and not self.busy and state in ("stopped", "failed")
        can = {
            "start": whole,
            "queue": whole,
            "try": not self.reasons() and not self._models.trial.running,
            "pause": active and state in ("running", "paused"),
            "stop": active and state != "stopping",
            "save": active and state in ("running", "paused"),
            "sample": active and state in ("running", "paused"),
            "kill": active and run is not None and can_be_killed(run.info),
            "resume": ended,
            "later": ended,
            "smaller": ended and run is not None and bool(smaller_rate(run.info)),
            "again": ready and run is not None,
            "verify": ready and run is not None and self._can_verify(run),
            "hold": ready,
        }
        for name, enabled in can.items():
            self._action(name).setEnabled(enabled)
        paused = state == "paused"
        self._action("pause").setText("&Continue" if paused else "&Pause")
        self._action("pause").setIconText("Continue" if paused else "Pause")
        self.changed.emit()

    def _can_verify(self, run: RunModel) -> bool:
        hello = self._models.engine.hello
        torch = hello is not None and bool(hello.torch)
        return torch and run.info.checkpoint >= 0 and not self._models.verify.running

    def _begin(self, work: Coroutine[Any, Any, RunModel | RunInfo]) -> None:
        self.busy = True
        self.refresh()
        spawn(self._finish(work), refused=self.refused.emit)

    async def _finish(self, work: Coroutine[Any, Any, RunModel | RunInfo]) -> None:
        try:
            run = await work
            self._models.session.add_recent(run.name)
        finally:
            self.busy = False
            self.refresh()

    def _resume(self) -> None:
        if run := self._models.runs.current:
            self._begin(self._models.runs.resume(run.name))

    def _resume_later(self) -> None:
        if run := self._models.runs.current:
            self._begin(self._models.runs.queue_resume(run.name))

    def _go_on_smaller(self) -> None:
        run = self._models.runs.current
        if run is not None and (rate := smaller_rate(run.info)):
            self._begin(self._models.runs.resume(run.name, ((RATE, rate),)))

    def _run_again(self) -> None:
        if run := self._models.runs.current:
            spawn(self._into_form(run), refused=self.refused.emit)

    async def _into_form(self, run: RunModel) -> None:
        self._models.form.set_spec(await run.spec())

    def _try(self) -> None:
        if not self.reasons():
            self._models.trial.attempt(self._models.form.spec)

    def _verify(self) -> None:
        if run := self._models.runs.current:
            self._models.verify.verify(run.name)

    def _pause(self) -> None:
        run = self._models.runs.current
        if run is not None:
            self._control("continue" if run.info.state == "paused" else "pause")

    def _control(self, action: Action) -> None:
        if run := self._models.runs.current:
            spawn(run.control(action), refused=self.refused.emit)

    def _follow(self) -> None:
        self._followed = self._models.runs.current
        if self._followed is not None:
            self._followed.progressed.connect(self.refresh)
        self.refresh()

    def _action(self, name: str) -> Any:
        return self._actions[f"run.{name}"]

    def _on(self, name: str, act: Callable[[], object]) -> None:
        self._action(name).triggered.connect(lambda: act())
