"""Proves of a run that going on from a checkpoint equals never having stopped.

The stretch between its two newest checkpoints is trained anew in another folder, and every row,
preview and tensor is compared with what lies on the disk. Nothing is written into the run.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from engine.contract.errors import UserError
from engine.contract.journal import Columns, Started
from engine.contract.specs import RunSpec
from engine.contract.version import VERSION
from engine.runs import checkpoint
from engine.runs.changes import changed
from engine.runs.checkpoint import Checkpoint
from engine.runs.folder import RunFolder
from engine.runs.history import read_history
from engine.runs.samples import save_preview
from engine.train.fit import Tensors
from engine.train.precision import choose_device
from engine.train.trainer import Row, Trainer
from engine.worker.building import build_trainer, load_checkpoint

UNTIMED = ("seconds", "samples_per_second")  # columns that tell of the clock, not of the numbers
CLOSE = 1e-2  # how far numbers of a device that does not repeat itself may lie apart, relatively
Tell = Callable[[int, int], None]


class Verdict(NamedTuple):
    """Whether a run is what training it again makes of it, and one sentence about it."""

    same: bool
    sentence: str


class Stretch(NamedTuple):
    """What is trained anew: from a checkpoint (None: the beginning) up to another or to a step."""

    start: Checkpoint | None
    end: Checkpoint
    stop: int

    @property
    def first(self) -> int:
        """The step that it starts at."""
        return self.start.step if self.start else 0


def verify_run(
    run: RunFolder, workspace: Path, steps: int = 0, tell: Tell = lambda done, total: None
) -> Verdict:
    """Train the newest stretch of a run anew, at most `steps` of it, and compare.

    With fewer steps than there are the newest checkpoint is not reached: they are trained twice,
    once without a stop and once with one, and compared with each other and with the journal.
    Raises UserError where there is nothing to compare with.
    """
    with tempfile.TemporaryDirectory(prefix="flowmap-verify-") as scratch:
        place = RunFolder(Path(scratch) / "run")
        stretch = _stretch(run, steps, Path(scratch))
        _copy(run, place)
        return _Verifying(run, place, workspace, stretch, tell).verdict()


def _stretch(run: RunFolder, steps: int, scratch: Path) -> Stretch:
    """What there is to train anew; its ends are kept apart, should the run be trained meanwhile."""
    end = checkpoint.newest(run)
    if end is None:
        raise UserError(f"{run.name} has no checkpoint yet, so there is nothing to verify.")
    start = checkpoint.newest(run, end.step - 1) if run.checkpoints()[0] < end.step else None
    first, known = (start.step if start else 0), [end, *([start] if start else [])]
    kept = {c.step: Checkpoint(c.step, scratch / str(c.step)) for c in known}
    for c in known:
        shutil.copytree(c.path, kept[c.step].path, copy_function=_linked)
        if problem := checkpoint.verify(kept[c.step].path):
            raise UserError(f"{run.name} changed while it was read ({problem}); try it again.")
    last = min(end.step, first + steps) if steps else end.step
    return Stretch(kept.get(first), kept[end.step], last)


def _linked(source: str, target: str) -> None:
    """The same file at another place, where the system can, else a copy: none is ever changed."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _copy(run: RunFolder, place: RunFolder) -> None:
    """Put into a folder all that a training reads of a run but its checkpoints."""
    place.path.mkdir()
    place.samples.mkdir()
    place.checkpoint(0).parent.mkdir()
    for name in ("teacher.safetensors", "start.safetensors", "trajectories.h5"):
        if (run.path / name).exists():
            shutil.copyfile(run.path / name, place.path / name)


class _Verifying:
    """A stretch of a run that is trained anew in `place`."""

    def __init__(
        self, run: RunFolder, place: RunFolder, workspace: Path, stretch: Stretch, tell: Tell
    ) -> None:
        self._run, self._place, self._workspace, self._stretch = run, place, workspace, stretch
        self._history = read_history(run)
        begun = [e for e in self._history.events if isinstance(e, Started)]
        if not begun:
            raise UserError(f"The journal of {run.name} does not say how it was trained.")
        self._begun, self._spec, self._rows = begun, run.spec(), 0
        self._whole = stretch.stop == stretch.end.step
        total = stretch.stop - stretch.first
        self._total = total if self._whole else 2 * total
        self._done, self._tell = 0, tell
        self._different: list[str] = []
        self._furthest, self._previews = 0.0, 0

    def verdict(self) -> Verdict:
        """Train anew and say what was found."""
        first, stop = self._stretch.first, self._stretch.stop
        again = self._trained([stop], compare=True)
        if self._whole:
            wanted, found = self._stretch.end, again
            theirs = {name: wanted.tensors(name) for name in wanted.files()}
            self._compare(theirs, found.tensors(), f"the checkpoint of step {stop}")
            mine, other = (_lasting(state) for state in (found.state(), wanted.state()))
            names = sorted(k for k in mine.keys() & other.keys() if mine[k] != other[k])
            self._different += [f"{name} of the checkpoint of step {stop}" for name in names]
        else:
            stopped = self._trained([(first + stop) // 2, stop], compare=False)
            self._compare(again.tensors(), stopped.tensors(), "the same steps with a stop")
        return self._say(again.device)

    def _trained(self, stops: list[int], compare: bool) -> Trainer:
        """A trainer that went to the last of `stops`, with a checkpoint and a new one at each."""
        at, found = self._stretch.first, self._stretch.start
        trainer: Trainer | None = None
        for stop in _cuts(at, stops, [e.step for e in self._begun]):
            if trainer is not None:
                path = checkpoint.seal(self._place, at, trainer.tensors(), trainer.state())
                found = Checkpoint(at, path)
            trainer = self._built(at, found)
            for row in _rows(trainer, stop):
                self._take(row, trainer, compare)
            at = stop
        assert trainer is not None
        return trainer

    def _built(self, at: int, found: Checkpoint | None) -> Trainer:
        """A trainer as the session had it that trained on from step `at`."""
        session = [e for e in self._begun if e.step <= at][-1]
        spec: RunSpec = changed(self._spec, session.changes)
        device = choose_device(session.device.partition(":")[0])
        torch.set_num_threads(session.threads)
        trainer = build_trainer(self._place, spec, self._workspace, device, found)
        if found:
            load_checkpoint(trainer, found)
        return trainer

    def _take(self, row: dict[str, float], trainer: Trainer, compare: bool) -> None:
        self._done += 1
        self._tell(self._done, self._total)
        if not compare:
            return
        step = int(row["step"])
        at = int(np.searchsorted(self._history.steps, step))
        if at < len(self._history) and self._history.steps[at] == step:
            self._rows += 1
            for name in (n for n in row if n not in UNTIMED and n in self._history.columns):
                there = float(self._history.curve(name)[at])
                self._number(row[name], there, f"{name} of step {step}")
        for sample in (s for s in self._history.samples if s.step == step):
            there_file = self._run.samples / sample.file
            if there_file.exists():
                self._preview(trainer, step, there_file)

    def _preview(self, trainer: Trainer, step: int, there: Path) -> None:
        here = self._place.samples / save_preview(self._place, step, trainer.preview())
        self._previews += 1
        if here.read_bytes() != there.read_bytes():
            self._different.append(f"the preview of step {step}")

    def _compare(self, ours: Tensors, theirs: Tensors, where: str) -> None:
        for file in sorted(ours.keys() | theirs.keys()):
            mine, other = ours.get(file, {}), theirs.get(file, {})
            for key in sorted(mine.keys() | other.keys()):
                if key not in mine or key not in other:
                    self._different.append(f"{file} {key} of {where}")
                else:
                    self._tensor(mine[key].cpu(), other[key].cpu(), f"{file} {key} of {where}")

    def _tensor(self, ours: Tensor, theirs: Tensor, name: str) -> None:
        if (
            ours.dtype == theirs.dtype
            and ours.shape == theirs.shape
            and _bits(ours) == _bits(theirs)
        ):
            return
        self._different.append(name)
        if ours.is_floating_point() and ours.shape == theirs.shape:
            size = ours.double().norm() + 1e-12
            self._further(float((ours.double() - theirs.double()).norm() / size))

    def _number(self, ours: float, theirs: float, name: str) -> None:
        if ours == theirs or (np.isnan(ours) and np.isnan(theirs)):
            return
        self._different.append(name)
        self._further(abs(ours - theirs) / (abs(theirs) + 1e-12))

    def _further(self, distance: float) -> None:
        self._furthest = max(self._furthest, distance if np.isfinite(distance) else np.inf)

    def _say(self, device: torch.device) -> Verdict:
        first, stop = self._stretch.first, self._stretch.stop
        begun = "from the beginning" if self._stretch.start is None else f"from step {first}"
        what = f"{self._rows:,} rows of metrics and {self._previews} previews"
        against = f"{what}, and every tensor of the checkpoint" if self._whole else what
        trained = f"{self._run.name} was trained anew {begun} to {stop}"
        if not self._whole:
            trained += " twice, once with a stop"
        if not self._different:
            told = " The journal and both ways agree." if not self._whole else ""
            return Verdict(True, f"{trained}: {against} are the same, bit for bit.{told}")
        many = len(self._different)
        named = f"{self._different[0]}{f' and {many - 1:,} more' if many > 1 else ''}"
        if device.type != "cpu" and self._furthest <= CLOSE:
            return Verdict(
                True,
                f"{trained} on {device.type}, which does not repeat itself to the last bit: "
                f"{named} differ, by {self._furthest:.1e} at most, relatively; {CLOSE:g} is held "
                "to be close. That is no proof that they are the same.",
            )
        other = {e.version for e in self._begun} - {VERSION}
        hint = f" Another version of the program trained it ({', '.join(other)})." if other else ""
        return Verdict(False, f"{trained}: {named} differ from what lies on the disk.{hint}")


def _cuts(first: int, stops: list[int], sessions: list[int]) -> list[int]:
    """Where to stop on the way to the last of `stops`: there, and wherever a session began."""
    last = stops[-1]
    return sorted({s for s in (*stops, *sessions) if first < s < last} | {last})


def _rows(trainer: Trainer, stop: int) -> Iterator[dict[str, float]]:
    names: tuple[str, ...] = ()
    if trainer.step >= stop:
        return
    for event in trainer.run():
        if isinstance(event, Columns):
            names = event.names
        elif isinstance(event, Row):
            yield dict(zip(names, event.values, strict=True))
            if event.step >= stop:
                return


def _lasting(state: dict[str, Any]) -> dict[str, Any]:
    """What of a checkpoint's state does not tell of the clock; an older one may know less."""
    return {key: value for key, value in state.items() if key not in UNTIMED}


def _bits(tensor: Tensor) -> bytes:
    return (
        tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""
    )
