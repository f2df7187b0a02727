"""One session of training in a run folder: what the command line and the train worker both run."""

import math
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import torch

from engine.contract.catalogue import data_problems
from engine.contract.errors import UserError
from engine.contract.journal import Columns, Ended, Event, Noticed, Sampled, Sealed, Started
from engine.contract.messages import Action, Left, Progress
from engine.contract.specs import RunSpec, problems, total_steps
from engine.contract.version import VERSION
from engine.data.catalogue import find
from engine.data.open import open_data
from engine.runs import checkpoint
from engine.runs.errors import RunError
from engine.runs.film import Film, cut
from engine.runs.folder import RunFolder
from engine.runs.journal import Journal
from engine.runs.lock import hold
from engine.runs.log import log
from engine.runs.loss_map import Live
from engine.runs.samples import save_preview
from engine.runs.saver import Saver
from engine.train.precision import choose_device
from engine.train.trainer import Row, Trainer
from engine.worker.heartbeat import Heartbeat
from engine.worker.process import interrupts
from engine.worker.teaching import check_teacher, given_start, given_teacher, settled_start

EXIT_CODES = {"finished": 0, "failed": 1, "stopped": 75}  # 75: interrupted, can go on
Control = Callable[[], Action | None]
Tell = Callable[[str], None]
_WAIT = 0.05  # seconds between two looks while paused


def train_session(
    folder: Path,
    spec: RunSpec | None,
    workspace: Path,
    *,
    threads: int = 0,
    control: Control = lambda: None,
    report: Callable[[Progress], None] = lambda progress: None,
    tell: Tell = lambda sentence: None,
) -> Left:
    """Train in `folder`: a new run with `spec`, or, without one, on from its newest checkpoint.

    `control` is asked before each step and gives one action at a time; `report` is called by a
    thread, and `tell` with each sentence that the journal keeps for the user. SIGTERM, SIGINT and
    SIGHUP save and leave, as the action `stop` does. What cannot even begin raises UserError, one
    sentence, and leaves no folder behind.
    """
    run = RunFolder(folder)
    with Heartbeat(run.name, report) as beat, interrupts() as interrupted:

        def action() -> Action | None:
            return "stop" if interrupted() else control()

        if spec is None:
            return _held(run, run.spec(), workspace, threads, action, beat, tell)
        spec = _checked(spec, workspace)
        run.create(spec)
        try:
            return _held(run, spec, workspace, threads, action, beat, tell)
        except BaseException:
            if not _began(run):
                run.remove()
            raise


def _held(
    run: RunFolder,
    spec: RunSpec,
    workspace: Path,
    threads: int,
    control: Control,
    beat: Heartbeat,
    tell: Tell,
) -> Left:
    with hold(run):
        session = Session(run, spec, workspace, threads, control, beat, tell)
        with closing(session.journal):
            return session.run()


def _began(run: RunFolder) -> bool:
    return run.journal.exists() and run.journal.stat().st_size > 0


def _checked(spec: RunSpec, workspace: Path) -> RunSpec:
    """The spec as it is kept. Raises UserError where it cannot be trained."""
    data = find(spec.data.name, workspace)
    if found := problems(spec, data.kind) + data_problems(spec, data):
        raise RunError(" ".join(problem.message for problem in found))
    check_teacher(spec, data, workspace)
    return settled_start(spec, data, workspace)


class _Leaving(Exception):
    """Ends what the trainer makes before a step."""


class Session:
    """A trainer, and everything of it that is written down."""

    def __init__(
        self,
        run: RunFolder,
        spec: RunSpec,
        workspace: Path,
        threads: int,
        control: Control,
        beat: Heartbeat,
        tell: Tell,
    ) -> None:
        self._run, self._spec, self._control, self._beat = run, spec, control, beat
        self._tell = tell
        beat.steps = total_steps(spec)
        checkpoint.sweep(run)
        dataset = open_data(spec.data.name, workspace)
        device = choose_device(spec.device)
        found = checkpoint.newest(run)
        under_way = found and found.state().get("phase", "training") == "training"
        start = None if under_way else given_start(run, spec, dataset.info, workspace)
        teacher = given_teacher(run, spec, dataset, workspace, device)
        pool = run.path / "trajectories.h5"
        self._trainer = Trainer(spec, dataset, device, threads, teacher, pool, self._making, start)
        checkpoint.check_space(run, self._trainer.checkpoint_bytes, self._trainer.pool_bytes)
        if found:
            tensors = {name: found.tensors(name) for name in found.files()}
            self._trainer.load(tensors, found.state())
            checkpoint.set_aside(run, found.step)
            cut(run, found.step)
        self._sealed = found.step if found else -1
        self._damaged = found.damaged if found else ()
        self._names: tuple[str, ...] = ()
        self._trouble = ""
        self.journal = Journal(run.journal)
        self._live = Live(run)
        film = Film(run, f"ema-{spec.training.ema[-1]:g}.safetensors", spec.cadence.film)
        self._saver = Saver(run, spec.cadence.keep, self.journal.sync, film)

    @property
    def step(self) -> int:
        """Updates done so far, those of earlier sessions included."""
        return self._trainer.step

    def run(self) -> Left:
        """Train until the last step, a wish to stop or a failure; the journal tells which."""
        self._begin()
        try:
            how = self._train()
        except UserError as error:
            return self._end("failed", str(error))
        except BaseException as error:
            if _out_of_memory(error):
                way_out = "lower training.batch or the size of the network"
                return self._end("failed", f"Memory ran out at step {self.step}; {way_out}.")
            log(self._run, traceback.format_exc())
            self._end("failed", f"A fault of the program stopped it: {error!r} (see log.txt).")
            raise
        return self._end(how)

    def _begin(self) -> None:
        trainer = self._trainer
        device, threads = str(trainer.device), torch.get_num_threads()
        self._write(Started(self.step, time.time(), device, threads, VERSION, trainer.parameters))
        log(self._run, f"started at step {self.step} on {device}, {threads} threads, {VERSION}")
        for sentence in self._damaged:
            self._notice(sentence)
        self._beat.step, self._beat.checkpoint = self.step, self._sealed
        self._beat.each_second = self.journal.sync
        self._beat.state, self._beat.phase = "running", self._trainer.phase

    def _train(self) -> str:
        start = self.step
        try:
            if self._obey() or self._steps():
                return self._leave()
        except _Leaving:
            return self._leave()
        if self.step > start:
            self._sample()
        self._save(final=True)
        return "finished"

    def _steps(self) -> bool:
        """Train to the last step; whether it is asked to stop before."""
        phase = self._trainer.phase
        for event in self._trainer.run():
            if self._trainer.phase != phase:
                phase = self._trainer.phase
                self._notice("The teacher is trained; its student begins.")
            if isinstance(event, Noticed):
                self._notice(event.message)
                continue
            if not isinstance(event, Row):
                self._write(event)
                continue
            self._row(event)
            if self._obey():
                return True
        return False

    def _row(self, row: Row) -> None:
        self.journal.row(row.values)
        cadence, last = self._spec.cadence, row.step == total_steps(self._spec)
        error = row.values[self._names.index("error")] if "error" in self._names else math.nan
        self._beat.error = error if math.isfinite(error) else self._beat.error
        self._beat.step, self._beat.journal = row.step, self.journal.size
        if self.journal.trouble != self._trouble:
            self._trouble = self.journal.trouble
            if self._trouble:
                self._notice(f"{self._trouble} What is new waits in memory.")
        self._live.tell(row.step, lambda: self._trainer.loss_map)
        self._settle()
        if row.step % cadence.sample == 0 and not last:
            self._sample()
        if row.step % cadence.save == 0 and not last:
            self._save()

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
                    self._save()
                    continue
                case "sample":
                    self._sample()
                    continue
            if not paused and not self.journal.full:
                self._beat.state, self._beat.phase = "running", self._trainer.phase
                return False
            self._beat.state, self._beat.phase = "paused", "waiting"
            self.journal.flush()
            self._settle()
            time.sleep(_WAIT)

    def _making(self, done: int, total: int) -> None:
        """While the teacher's trajectories are made: obey, and tell how far it is."""
        if self._obey():
            raise _Leaving
        self._beat.phase = f"trajectories, {100 * done // total} %"

    def _leave(self) -> str:
        self._beat.state = "stopping"
        self._save(final=True)
        return "stopped"

    def _sample(self) -> None:
        """Write a preview; a failure is told and costs nothing else."""
        with self._phase("sampling"):
            try:
                name = save_preview(self._run, self.step, self._trainer.preview())
                self._write(Sampled(self.step, name))
            except RunError as error:
                self._notice(str(error))
            except (RuntimeError, MemoryError) as error:
                if not _out_of_memory(error):
                    raise
                torch.cuda.empty_cache()
                self._notice("The preview is left out, as memory ran out; lower cadence.count.")

    def _save(self, final: bool = False) -> None:
        """Begin to seal a checkpoint; the last one is waited for, and raises where it fails."""
        self._settle(wait=True)
        if self.step == max(0, self._sealed):
            return
        self.journal.flush()
        self._saver.begin(self.step, self._trainer.tensors(), self._trainer.state())
        if final:
            with self._phase("saving"):
                self._settle(wait=True, final=True)

    def _settle(self, wait: bool = False, final: bool = False) -> None:
        """Write down a save that has ended; one that failed costs nothing but itself."""
        try:
            if not self._saver.settled(wait):
                return
        except RunError as error:
            if final:
                raise
            self._notice(str(error))
            return
        self._sealed = self._beat.checkpoint = self._saver.step
        self._write(Sealed(self._sealed))
        self.journal.sync()

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        before, self._beat.phase = self._beat.phase, name
        try:
            yield
        finally:
            self._beat.phase = before

    def _notice(self, sentence: str) -> None:
        log(self._run, sentence)
        self._write(Noticed(self.step, sentence))
        self._tell(sentence)

    def _write(self, event: Event) -> None:
        if isinstance(event, Columns):
            self._names = event.names
        self.journal.event(event)
        self._beat.journal = self.journal.size

    def _end(self, how: str, message: str = "") -> Left:
        self._beat.each_second = None
        self._settle(wait=True)
        self._saver.close()
        if self._sealed == self.step:
            self._live.forget()
        log(self._run, f"{how} at step {self.step}. {message}".strip())
        self._write(Ended(self.step, time.time(), how, message, self._trainer.seconds))
        return Left(how, self.step, message)  # type: ignore[arg-type]


def _out_of_memory(error: BaseException) -> bool:
    """Also where the processor's allocator says so, for which torch has no class."""
    known = isinstance(error, torch.OutOfMemoryError | MemoryError)
    return known or (isinstance(error, RuntimeError) and "can't allocate memory" in str(error))
