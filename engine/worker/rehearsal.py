"""A training in small, before it is started: what it will take, measured and not guessed."""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

import torch
from msgspec import Struct
from msgspec.structs import replace

from engine.contract.catalogue import data_problems
from engine.contract.errors import UserError
from engine.contract.journal import Columns
from engine.contract.schema import fields, with_value
from engine.contract.specs import RunSpec, problems, teacher_steps, total_steps
from engine.data.catalogue import find
from engine.runs import checkpoint
from engine.runs.errors import RunError
from engine.runs.folder import RunFolder
from engine.runs.samples import save_preview
from engine.train.memory import out_of_memory
from engine.train.precision import choose_device
from engine.train.trainer import Row, Trainer
from engine.worker.building import build_trainer

STEPS = (12, 16, 24, 48, 96)  # updates of a rehearsal: the fewest that the method can be cut to
TAUGHT = 6  # updates of its teacher
ENOUGH = 2.0  # seconds of updates; quick ones are tried more often
COLD = 2  # first updates of a phase, which also set up what the later ones use
TRAJECTORIES = 64
Tell = Callable[[int, int], None]


class Tried(Struct, frozen=True):
    """What a whole training is going to take; bytes and seconds."""

    device: str
    memory: int  # at its peak: of the GPU, else of the process
    rate: float  # updates a second, of the method itself
    seconds: float  # of the whole training
    checkpoint: int
    steps: int  # updates that were tried


def rehearse(
    spec: RunSpec,
    workspace: Path,
    threads: int = 0,
    tell: Tell = lambda done, total: None,
) -> Tried:
    """Train `spec` from its first step to its last, only with very few of them, and throw it away.

    So every stage is passed that it has: its teacher, the teacher's trajectories, finer grids, a
    discriminator that sets in late; a preview and a checkpoint too. Raises UserError where it
    cannot be trained, or where memory runs out, with the field to lower.
    """
    data = find(spec.data.name, workspace)
    if found := problems(spec, data.kind) + data_problems(spec, data):
        raise RunError(" ".join(problem.message for problem in found))
    small = in_small(spec, data.kind)
    tried = _tried(spec, small, workspace, threads, tell)
    more = int(ENOUGH * tried.rate)
    if more <= 2 * small.training.steps:
        return tried
    return _tried(spec, in_small(spec, data.kind, more), workspace, threads, tell)


def _tried(spec: RunSpec, small: RunSpec, workspace: Path, threads: int, tell: Tell) -> Tried:
    with tempfile.TemporaryDirectory(prefix="flowmap-try-") as scratch:
        run = RunFolder(Path(scratch) / "try")
        run.create(small)
        try:
            return _Rehearsal(spec, small, run, workspace, threads, tell).tried()
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            raise UserError(
                f"Memory runs out with a batch of {spec.training.batch}; lower training.batch or "
                "the size of the network."
            ) from error


def in_small(spec: RunSpec, kind: str, least: int = 0) -> RunSpec:
    """The same training in very few steps, but `least`, of its teacher too."""
    known = {field.key: field.value for field in fields(spec)}
    times = max(1, least // STEPS[0])
    fewer = {
        "method.teacher.steps": TAUGHT * times,
        "method.trajectories.count": TRAJECTORIES * times,
    }
    for key, most in fewer.items():
        if key in known:
            spec = with_value(spec, key, min(most, known[key]))
    for most in STEPS:
        steps = min(max(least, most), spec.training.steps)
        training = replace(spec.training, steps=steps, warmup=min(spec.training.warmup, steps // 4))
        small = replace(spec, training=training)
        if not problems(small, kind):
            return small
    raise UserError("This training cannot be tried in small; start it and watch its first steps.")


class _Rehearsal:
    """One training in small, and what it took."""

    def __init__(
        self,
        spec: RunSpec,
        small: RunSpec,
        run: RunFolder,
        workspace: Path,
        threads: int,
        tell: Tell,
    ) -> None:
        self._spec, self._small, self._run, self._tell = spec, small, run, tell
        self._device = choose_device(spec.device)
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        self._pool = 0.0  # seconds of one trajectory
        self._trainer = build_trainer(
            run, small, workspace, self._device, None, threads, self._pooled
        )
        checkpoint.check_space(run, self._trainer.checkpoint_bytes, self._trainer.pool_bytes)
        self._last = time.perf_counter()

    def tried(self) -> Tried:
        """Train, preview and seal; the numbers of it."""
        took = self._train(self._trainer)
        began = time.perf_counter()
        save_preview(self._run, self._trainer.step, self._trainer.preview())
        preview = time.perf_counter() - began
        trainer = self._trainer
        path = checkpoint.seal(self._run, trainer.step, trainer.tensors(), trainer.state())
        size = sum(file.stat().st_size for file in path.iterdir())
        taught, own = (
            fmean(took[kind]) if kind in took else 0.0 for kind in ("teacher", "training")
        )
        steps, cadence = total_steps(self._spec), self._spec.cadence
        seconds = teacher_steps(self._spec) * taught + self._spec.training.steps * own
        seconds += self._all_trajectories() + steps // cadence.sample * preview
        return Tried(str(self._device), self._memory(), 1 / own, seconds, size, trainer.step)

    def _train(self, trainer: Trainer) -> dict[str, list[float]]:
        """Seconds of each update of each phase, but the first ones."""
        took: dict[str, list[float]] = {}
        before, names = 0.0, tuple[str, ...]()
        for event in trainer.run():
            if isinstance(event, Columns):
                names = event.names
            if isinstance(event, Row):
                now = event.values[names.index("seconds")]
                took.setdefault(trainer.phase, []).append(now - before)
                before = now
                self._tell(event.step, total_steps(self._small))
            self._last = time.perf_counter()
        return {kind: found[COLD:] or found for kind, found in took.items()}

    def _pooled(self, done: int, total: int) -> None:
        self._pool = (time.perf_counter() - self._last) / done

    def _all_trajectories(self) -> float:
        """Seconds for all of the teacher's trajectories, as those that were made took."""
        there = {field.key: field.value for field in fields(self._spec)}
        return self._pool * float(there.get("method.trajectories.count", 0))

    def _memory(self) -> int:
        if self._device.type == "cuda":
            return int(torch.cuda.max_memory_reserved())
        return peak_memory()


def peak_memory() -> int:
    """The most memory that this process ever had, in bytes."""
    if sys.platform == "linux":  # what getrusage says may be that of the program which started it
        with open("/proc/self/status", encoding="ascii") as file:
            (line,) = (line for line in file if line.startswith("VmHWM:"))
        return int(line.split()[1]) << 10
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
