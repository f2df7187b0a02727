"""Power loss: only what an fsync had promised is there, and of the rest anything or nothing.

Every fsync of a file and of a folder is noted. At any moment the power may go: then the disk holds
each file as of its last fsync, or with any of what was written since, zeros where it did not get
there; and the names of a folder as of its last fsync, or those of now.
"""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from engine.contract.journal import Columns, Noticed, Reader, Rows
from engine.contract.specs import MLP, Data, FlowMatching, RunSpec
from engine.runs.checkpoint import newest, seal, sweep
from engine.runs.film import Film
from engine.runs.folder import RunFolder
from engine.runs.journal import Journal
from engine.runs.saver import Saver

SPEC = RunSpec(Data("eight-gaussians"), FlowMatching(), MLP())
MOMENTS = 40


class Disk:
    """What is safe of a run's folder, noted at each fsync."""

    def __init__(self, place: Path) -> None:
        self.place, self.files, self.names = place, dict[int, bytes](), dict[int, set[str]]()
        self.real = os.fsync

    def fsync(self, handle: int) -> None:
        self.real(handle)
        path = Path(os.readlink(f"/proc/self/fd/{handle}"))
        if path.is_dir():
            self.names[path.stat().st_ino] = {entry.name for entry in path.iterdir()}
        else:
            self.files[path.stat().st_ino] = path.read_bytes()

    def after_power_loss(self, target: Path, chance: random.Random) -> None:
        """Write to `target` one of the states that the disk may be in."""
        shutil.copytree(self.place, target)
        for source in [*self.place.rglob("*")]:
            there = target / source.relative_to(self.place)
            if source.is_file() and there.exists():
                there.write_bytes(self._left(source, chance))
        checkpoints = self.place / "checkpoints"
        for folder in (checkpoints, *(p for p in checkpoints.iterdir() if p.is_dir())):
            for name in self._forgotten(folder):
                there = target / folder.relative_to(self.place) / name
                if there.exists() and chance.random() < 0.5:
                    shutil.rmtree(there) if there.is_dir() else there.unlink()

    def _forgotten(self, folder: Path) -> set[str]:
        """Names of a folder that no fsync of it has promised."""
        safe = self.names.get(folder.stat().st_ino, set())
        return {entry.name for entry in folder.iterdir()} - safe

    def _left(self, source: Path, chance: random.Random) -> bytes:
        now, safe = source.read_bytes(), self.files.get(source.stat().st_ino, b"")
        if now == safe:
            return now
        reached = chance.randint(len(safe), max(len(safe), len(now)))
        kept = bytearray(now[:reached])
        for at in range(len(safe), reached, 512):  # some blocks never got there
            if chance.random() < 0.3:
                kept[at : at + 512] = bytes(min(512, reached - at))
        kept[: len(safe)] = safe
        return bytes(kept)


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    made = RunFolder(tmp_path / "run")
    made.create(SPEC)
    return made


@pytest.fixture
def disk(run, monkeypatch) -> Disk:
    made = Disk(run.path)
    monkeypatch.setattr(os, "fsync", made.fsync)
    return made


def at_moments(disk: Disk, monkeypatch, look: Callable[[], None], count: int) -> None:
    """Look at the disk before some of the next calls that change it."""
    for name in ("fsync", "replace", "write"):
        call = getattr(os, name)

        def looked(*args, call=call):  # type: ignore[no-untyped-def]
            if count:
                look()
            return call(*args)

        monkeypatch.setattr(os, name, looked)


def test_a_sealed_checkpoint_outlives_power_loss_at_any_moment(
    run, disk, tmp_path, monkeypatch
) -> None:
    chance, sealed, looks = random.Random(0), [0], [0]

    def look() -> None:
        looks[0] += 1
        target = tmp_path / f"after-{looks[0]}"
        disk.after_power_loss(target, chance)
        left = RunFolder(target)
        sweep(left)
        found = newest(left)
        assert (found.step if found else 0) >= sealed[0]
        assert found is None or found.damaged == ()
        if found:
            assert found.tensors("model")["w"].eq(found.step).all()
        shutil.rmtree(target)

    at_moments(disk, monkeypatch, look, MOMENTS)
    for step in range(1, 7):
        tensors = {"model": {"w": torch.full((500,), float(step))}, "optimiser": {}}
        seal(run, step, tensors, {"step": step})
        sealed[0] = step
    assert looks[0] >= MOMENTS


def test_every_row_that_was_synced_outlives_power_loss(run, disk, tmp_path) -> None:
    chance = random.Random(1)
    journal = Journal(run.journal)
    journal.event(Columns(("step", "loss")))
    synced = 0
    for step in range(1, 400):
        journal.row((step, chance.random()))
        if chance.random() < 0.1:
            journal.flush()
        if chance.random() < 0.05:
            journal.event(Noticed(step, "x" * chance.randint(0, 2000)))
        if chance.random() < 0.05:
            journal.flush()
            journal.sync()
            synced = step
        if chance.random() < 0.2:
            target = tmp_path / "after"
            disk.after_power_loss(target, chance)
            found = list(Reader().feed((target / "journal").read_bytes()))
            steps = [s for r in found if isinstance(r, Rows) for s in r.values[:, 0]]
            assert steps[:synced] == list(range(1, synced + 1))
            assert steps == sorted(steps)
            Journal(target / "journal").close()
            shutil.rmtree(target)
    journal.close()


def test_no_checkpoint_is_on_the_disk_before_the_rows_that_led_to_it(run) -> None:
    """Else power loss leaves a checkpoint whose past has a hole, which nobody trains again."""
    there = list[list[int]]()
    film = Film(run, "ema-0.9.safetensors", 0)
    saver = Saver(run, 2, lambda: there.append(run.checkpoints()), film)
    for step in (1, 2):
        saver.begin(step, {"model": {"w": torch.zeros(2)}}, {"step": step})
        saver.settled(wait=True)
    saver.close()
    assert there == [[], [1]]
