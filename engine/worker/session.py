"""One session of training in a run folder: what the command line and the train worker both run."""

import math
import shlex
import time
import traceback
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import torch

from engine.contract.errors import UserError
from engine.contract.journal import Ended, Noticed, Skipped, Started
from engine.contract.messages import Action, Left, Progress
from engine.contract.specs import RunSpec, total_steps
from engine.contract.version import VERSION
from engine.data.catalogue import find
from engine.data.remembered import data_notes
from engine.runs import checkpoint
from engine.runs.changes import Changes
from engine.runs.checkpoint import NotFinite
from engine.runs.film import cut
from engine.runs.folder import RunFolder
from engine.runs.lock import hold
from engine.runs.log import log
from engine.train.memory import out_of_memory
from engine.train.precision import choose_device
from engine.train.trainer import Diverged, Row
from engine.worker.building import build_trainer, load_checkpoint
from engine.worker.heartbeat import Heartbeat
from engine.worker.keeping import Keeper
from engine.worker.plan import Plan, checked, resumed
from engine.worker.process import interrupts
from engine.worker.teaching import check_teacher, settled_start

EXIT_CODES = {"finished": 0, "failed": 1, "stopped": 75}  # 75: interrupted, can go on
Control = Callable[[], Action | None]
Tell = Callable[[str], None]


def train_session(
    folder: Path,
    spec: RunSpec | None,
    workspace: Path,
    *,
    threads: int = 0,
    control: Control = lambda: None,
    report: Callable[[Progress], None] = lambda progress: None,
    tell: Tell = lambda sentence: None,
    changes: Changes = (),
) -> Left:
    """Train in `folder`: a new run with `spec`, or, without one, on from its newest checkpoint.

    `control` is asked before each step and gives one action at a time; `report` is called by a
    thread, and `tell` with each sentence that the journal keeps for the user. SIGTERM, SIGINT and
    SIGHUP save and leave, as the action `stop` does. `changes` are fields, key and value, that a
    run goes on with otherwise than in its spec.toml. What cannot even begin raises UserError, one
    sentence, and leaves no folder behind.
    """
    run = RunFolder(folder)
    with Heartbeat(run.name, report) as beat, interrupts() as interrupted:

        def action() -> Action | None:
            return "stop" if interrupted() else control()

        def session(plan: Plan) -> Left:
            with hold(run):
                made = Session(run, plan, workspace, threads, action, beat, tell)
                with closing(made.keeper.journal):
                    return made.run()

        if spec is None:
            return session(resumed(run, changes, workspace))
        data = find(checked(spec, workspace).data.name, workspace)
        check_teacher(spec, data, workspace)
        spec = settled_start(spec, data, workspace)
        run.create(spec)
        try:
            return session(Plan(spec))
        except BaseException:
            if not _began(run):
                run.remove()
            raise


def _began(run: RunFolder) -> bool:
    return run.journal.exists() and run.journal.stat().st_size > 0


class _Leaving(Exception):
    """Ends what the trainer makes before a step."""


class Session:
    """A trainer that is driven from its first step here to its last, obeying on the way."""

    def __init__(
        self,
        run: RunFolder,
        plan: Plan,
        workspace: Path,
        threads: int,
        control: Control,
        beat: Heartbeat,
        tell: Tell,
    ) -> None:
        self._run, self._plan, self._spec = run, plan, plan.spec
        self._control, self._beat, self._workspace = control, beat, workspace
        beat.steps = total_steps(self._spec)
        checkpoint.sweep(run)
        device, found = choose_device(self._spec.device), checkpoint.newest(run)
        self._trainer = build_trainer(
            run, self._spec, workspace, device, found, threads, self._making
        )
        checkpoint.check_space(run, self._trainer.checkpoint_bytes, self._trainer.pool_bytes)
        if found:
            load_checkpoint(self._trainer, found)
        aside = checkpoint.set_aside(run, self.step) if found else []
        cut(run, self.step)
        self._damaged = [*found.damaged] if found else []
        if self._damaged:
            self._damaged.append(f"What is damaged is kept aside as {', '.join(aside)}.")
        sealed = found.step if found else -1
        self.keeper = Keeper(run, self._spec, self._trainer, beat, tell, sealed)

    @property
    def step(self) -> int:
        """Updates done so far, those of earlier sessions included."""
        return self._trainer.step

    def run(self) -> Left:
        """Train until the last step, a wish to stop or a failure; the journal tells which."""
        self._begin()
        try:
            how = self._train()
        except Diverged as error:
            return self._take_back(str(error), error.taken, error.since)
        except NotFinite as error:
            return self._take_back(str(error), self.step - 1, self.step - 1)
        except UserError as error:
            return self._end("failed", str(error))
        except BaseException as error:
            if out_of_memory(error):
                way_out = "lower training.batch or the size of the network"
                return self._end("failed", f"Memory ran out at step {self.step}; {way_out}.")
            log(self._run, traceback.format_exc())
            self._end("failed", f"A fault of the program stopped it: {error!r} (see log.txt).")
            raise
        return self._end(how)

    def _begin(self) -> None:
        trainer, write = self._trainer, self.keeper.write
        device, threads = str(trainer.device), torch.get_num_threads()
        changes, parameters = self._plan.changes, trainer.parameters
        write(Started(self.step, time.time(), device, threads, VERSION, parameters, changes))
        log(self._run, f"started at step {self.step} on {device}, {threads} threads, {VERSION}")
        data = find(self._spec.data.name, self._workspace)
        for sentence in (*self._damaged, *self._plan.told, *data_notes(self._run.path, data)):
            self.keeper.notice(sentence)
        self._beat.step, self._beat.checkpoint = self.step, self.keeper.sealed
        self._beat.each_second = self.keeper.journal.sync
        self._beat.state, self._beat.phase = "running", trainer.phase

    def _train(self) -> str:
        start = self.step
        try:
            if self._obey() or self._steps():
                return self._leave()
        except _Leaving:
            return self._leave()
        if self.step > start:
            self.keeper.sample()
        self.keeper.save(final=True)
        return "finished"

    def _steps(self) -> bool:
        """Train to the last step; whether it is asked to stop before."""
        phase = self._trainer.phase
        for event in self._trainer.run():
            if self._trainer.phase != phase:
                phase = self._trainer.phase
                self._beat.anew()
                self.keeper.notice("The teacher is trained; its student begins.")
            match event:
                case Noticed():
                    self.keeper.notice(event.message)
                case Skipped():
                    self.keeper.skipped(event)
                case Row():
                    self._row(event)
                    if self._obey():
                        return True
                case _:
                    self.keeper.write(event)
        return False

    def _row(self, row: Row) -> None:
        cadence, last = self._spec.cadence, row.step == total_steps(self._spec)
        self._beat.step = row.step
        names = self.keeper.names
        error = row.values[names.index("error")] if "error" in names else math.nan
        self._beat.error = error if math.isfinite(error) else self._beat.error
        self.keeper.row(row)
        if row.step % cadence.sample == 0 and not last:
            self.keeper.sample()
        if row.step % cadence.save == 0 and not last:
            self.keeper.save()

    def _obey(self) -> bool:
        """Do what is asked, stand still while paused or the disk is full; True: leave."""
        paused = False
        while True:
            match self._control():
                case "stop":
                    return True
                case "pause":
                    paused = True
                case "continue":
                    paused = False
                case "save":
                    self.keeper.save()
                    continue
                case "sample":
                    self.keeper.sample()
                    continue
            if not paused and not self.keeper.journal.full:
                self._beat.state, self._beat.phase = "running", self._trainer.phase
                return False
            self._beat.state, self._beat.phase = "paused", "waiting"
            self.keeper.wait()

    def _making(self, done: int, total: int) -> None:
        """While the teacher's trajectories are made: obey, and tell how far it is."""
        if self._obey():
            raise _Leaving
        self._beat.anew()
        self._beat.phase = f"trajectories, {100 * done // total} %"

    def _leave(self) -> str:
        self._beat.state = "stopping"
        self.keeper.save(final=True)
        return "stopped"

    def _take_back(self, why: str, taken: int, since: int) -> Left:
        """Go back to the last good checkpoint, so that the run goes on from there when it does.

        It is one of at most step `since`, or the first of at most step `taken`.
        """
        self._beat.each_second = None
        self.keeper.close()
        steps = [s for s in self._run.checkpoints() if s <= taken]
        good = checkpoint.newest(self._run, max(since, steps[0])) if steps else None
        step = good.step if good else 0
        aside = self.keeper.take_back(step)
        named = f" ({', '.join(aside)} are kept aside)" if aside else ""
        where = f"step {step}, the last that was good{named}" if good else "its beginning"
        rate = self._spec.training.learning_rate / 2
        run = self._run.name
        if self._run.path.parent != (self._workspace / "runs").absolute():
            run = str(self._run.path)
        return self._end(
            "failed",
            f"{why} It was taken back to {where}; go on with a smaller learning rate: "
            f"`flowmap-engine resume {shlex.quote(run)} --set training.learning_rate={rate:g}`.",
        )

    def _end(self, how: str, message: str = "") -> Left:
        self._beat.each_second = None
        self.keeper.close()
        log(self._run, f"{how} at step {self.step}. {message}".strip())
        seconds = self._trainer.seconds
        self.keeper.write(Ended(self.step, time.time(), how, message, seconds))
        return Left(how, self.step, message)  # type: ignore[arg-type]
