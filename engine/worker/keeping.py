"""Everything of a session that is written down: its journal, previews and checkpoints."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from engine.contract.journal import Columns, Event, Noticed, Sampled, Sealed, Skipped
from engine.contract.specs import RunSpec
from engine.runs import checkpoint
from engine.runs.bad import keep_bad
from engine.runs.checkpoint import NotFinite
from engine.runs.errors import RunError
from engine.runs.film import Film, cut
from engine.runs.folder import RunFolder
from engine.runs.journal import Journal
from engine.runs.log import log
from engine.runs.loss_map import Live
from engine.runs.samples import save_preview
from engine.runs.saver import Saver
from engine.train.memory import out_of_memory
from engine.train.trainer import Row, Trainer
from engine.worker.heartbeat import Heartbeat


class Keeper:
    """Writes down what a trainer does; what a disk refuses costs as little as it can."""

    def __init__(
        self,
        run: RunFolder,
        spec: RunSpec,
        trainer: Trainer,
        beat: Heartbeat,
        tell: Callable[[str], None],
        sealed: int,
    ) -> None:
        self._run, self._trainer, self._beat, self._tell = run, trainer, beat, tell
        self.sealed, self.names = sealed, tuple[str, ...]()
        self._trouble = ""
        self.journal = Journal(run.journal)
        self._live = Live(run)
        film = Film(run, f"ema-{spec.training.ema[-1]:g}.safetensors", spec.cadence.film)
        self._saver = Saver(run, spec.cadence.keep, self.journal.sync, film)

    def write(self, event: Event) -> None:
        """Add an event to the journal."""
        if isinstance(event, Columns):
            self.names = event.names
        self.journal.event(event)
        self._beat.journal = self.journal.size

    def notice(self, sentence: str) -> None:
        """Say something to the user, in the journal, the log and at once."""
        log(self._run, sentence)
        self.write(Noticed(self._trainer.step, sentence))
        self._tell(sentence)

    def row(self, row: Row) -> None:
        """Add the metrics of a step."""
        self.journal.row(row.values)
        self._beat.journal = self.journal.size
        self._tell_trouble()
        self._live.tell(row.step, lambda: self._trainer.loss_map)
        self.settle()

    def skipped(self, event: Skipped) -> None:
        """Add a step that could not be taken, with what it was given."""
        file = ""
        try:
            file = keep_bad(self._run, event.step, self._trainer.given)
        except (OSError, RuntimeError, MemoryError) as error:
            if not isinstance(error, OSError) and not out_of_memory(error):
                raise
            log(self._run, f"What step {event.step} was given is not kept: {error}.")
        self.write(Skipped(event.step, event.reason, file))

    def sample(self) -> None:
        """Write a preview; a failure is told and costs nothing else."""
        step = self._trainer.step
        with self.phase("sampling"):
            try:
                self.write(Sampled(step, save_preview(self._run, step, self._trainer.preview())))
            except RunError as error:
                self.notice(str(error))
            except (RuntimeError, MemoryError) as error:
                if not out_of_memory(error):
                    raise
                torch.cuda.empty_cache()
                self.notice("The preview is left out, as memory ran out; lower cadence.count.")

    def save(self, final: bool = False) -> None:
        """Begin to seal a checkpoint; the last one is waited for, and raises where it fails."""
        self.settle(wait=True)
        step = self._trainer.step
        if step == max(0, self.sealed):
            return
        self.journal.flush()
        tensors, state = self._trainer.tensors(), self._trainer.state()
        self._saver.begin(step, tensors, state, prune=not self._trainer.unwell)
        if final:
            with self.phase("saving"):
                self.settle(wait=True, final=True)

    def settle(self, wait: bool = False, final: bool = False) -> None:
        """Write down a save that has ended; one that failed costs nothing but itself.

        Raises NotFinite where there is nothing that could be saved any more.
        """
        try:
            if not self._saver.settled(wait):
                return
        except NotFinite:
            raise
        except RunError as error:
            if final:
                raise
            self.notice(str(error))
            return
        self.sealed = self._beat.checkpoint = self._saver.step
        self.write(Sealed(self.sealed))
        self.journal.sync()

    def take_back(self, step: int) -> list[str]:
        """Put aside every checkpoint and drop every frame beyond a step; what is called how now."""
        names = checkpoint.set_aside(self._run, step)
        cut(self._run, step)
        self._live.forget()
        self.sealed = self._beat.checkpoint = step if step in self._run.checkpoints() else -1
        return names

    def close(self) -> None:
        """Wait for what is being written, and write down that it was."""
        try:
            self.settle(wait=True)
        except NotFinite as error:
            self.notice(str(error))
        self._saver.close()
        if self.sealed == self._trainer.step:
            self._live.forget()

    def wait(self) -> None:
        """Stand still for a moment: the disk may take what it refused."""
        self._tell_trouble()
        self.journal.flush()
        self.settle()
        time.sleep(WAIT)

    def _tell_trouble(self) -> None:
        """Say what has become of the disk, where that is news."""
        if self.journal.trouble != self._trouble:
            self._trouble = self.journal.trouble
            waits = f"{self._trouble} What is new waits in memory."
            self.notice(waits if self._trouble else "The disk takes it again; nothing is lost.")

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """What the heartbeat tells meanwhile."""
        before, self._beat.phase = self._beat.phase, name
        try:
            yield
        finally:
            self._beat.phase = before


WAIT = 0.05  # seconds between two looks while nothing is trained
