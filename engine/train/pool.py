"""A pool of a teacher's trajectories: made once, kept in a sealed HDF5 file, drawn from lazily.

It is built block by block in a file of a temporary name, whose blocks each have a checksum, and
renamed when it is whole: after a kill at whatever moment there is a complete pool or none, and
building goes on behind the last whole block. A block depends on the seed and its number alone.
"""

import contextlib
import hashlib
import json
import math
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import h5py
import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.contract import specs
from engine.contract.files import sync
from engine.data import hdf5
from engine.data.damage import DAMAGE
from engine.data.open import Dataset
from engine.flow.clock import each
from engine.flow.grids import karras
from engine.flow.randomness import Randomness
from engine.flow.solvers import Field, Step, euler, even, heun, rk4, trajectory
from engine.objectives.base import Velocity
from engine.objectives.pool import Drawn, Pool
from engine.runs.errors import RunError, disk_sentence

Report = Callable[[int, int], None]
SOLVERS: dict[str, Step] = {"euler": euler, "heun": heun, "rk4": rk4}
BLOCK = 1 << 24  # bytes of all states of a block, about: what building holds in memory
CHECKSUM = 32  # bytes
_MOST = 1 << 50  # bytes of an array: it is not read as a whole


class FilePool:
    """The trajectories of a sealed file; the system reads them as they are drawn."""

    def __init__(self, path: Path, device: torch.device) -> None:
        with h5py.File(path, "r", locking=False) as file:
            self._times = torch.from_numpy(file["times"][()]).float().to(device)
            self._label = torch.from_numpy(file["label"][()]) if "label" in file else None
            states = file["states"]
            where, shape, kind = states.id.get_offset(), states.shape, states.dtype
        self._states = np.memmap(path, kind, "r", where, shape)
        self._device = device

    def draw(self, count: int, randomness: Randomness) -> Drawn:
        """`count` of them in float32, chosen by the stream `pool`."""
        which = randomness.integers("pool", len(self._states), (count,)).cpu()
        chosen = np.asarray(self._states[which.numpy()])
        states = torch.from_numpy(chosen).to(self._device).float().transpose(0, 1)
        label = None if self._label is None else self._label[which].to(self._device)
        return Drawn(states, self._times, label)


def open_pool(
    path: Path,
    spec: specs.RunSpec,
    teacher: Velocity,
    dataset: Dataset,
    randomness: Randomness,
    device: torch.device,
    report: Report = lambda done, total: None,
) -> Pool:
    """Open the pool of a run; it is built where it is not there, repaired where it is damaged.

    Of `randomness` the seed alone counts. `report` is told how many of how many trajectories there
    are; what it raises ends the building, and a later call goes on. Raises RunError where the disk
    refuses or the teacher's trajectories are not finite.
    """
    plan = Plan(spec, dataset, randomness.seed)
    try:
        if not _whole(path, plan):
            _build(path, plan, teacher, device, report)
        return FilePool(path, device)
    except OSError as error:
        raise RunError(disk_sentence("keep the teacher's trajectories in", path, error)) from error


def size_to_come(path: Path, spec: specs.RunSpec, dataset: Dataset) -> int:
    """Bytes that a pool will take, about; 0 where there is none to be made or it has its space."""
    wants = isinstance(spec.method, specs.Reflow | specs.CMT)
    there = path.exists() or _part(path).exists()
    return Plan(spec, dataset, spec.seed).size if wants and not there else 0


class Plan:
    """What a pool is to hold, and how a block of it is made."""

    def __init__(self, spec: specs.RunSpec, dataset: Dataset, seed: int) -> None:
        method = spec.method
        assert isinstance(method, specs.Reflow | specs.CMT)
        self.wanted, self._dataset, self._seed = method.trajectories, dataset, seed
        self._times = times_of(self.wanted)
        ends = isinstance(method, specs.Reflow)
        self._kept = [0, self.wanted.steps] if ends else list(range(self.wanted.steps + 1))
        self.classes = len(dataset.info.labels) if spec.data.labels else 0
        self._hidden = spec.data.label_dropout
        self.shape = (self.wanted.count, len(self._kept), *dataset.info.shape)
        states = 4 * len(self._times) * math.prod(dataset.info.shape)
        self._rows = min(max(1, BLOCK // states), 4096, self.wanted.count)
        known = (self.wanted, spec.data, self.shape, seed)
        self.about = json.dumps(msgspec.to_builtins(known))

    @property
    def size(self) -> int:
        """Bytes of the file, about."""
        return math.prod(self.shape) * np.dtype(self.wanted.precision).itemsize

    def blocks(self) -> Iterator[tuple[int, slice]]:
        """The number of each block, and which trajectories it holds."""
        for number, start in enumerate(range(0, self.wanted.count, self._rows)):
            yield number, slice(start, min(start + self._rows, self.wanted.count))

    def make(self, path: Path) -> None:
        """Write a file of this plan, whole but for what its arrays hold.

        Their space is set apart at once: a block then changes bytes of its own and nothing of the
        file's structure, so that no kill can break it.
        """
        early = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        early.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        blocks = sum(1 for _ in self.blocks())
        with h5py.File(path, "w") as file:
            file.create_dataset("states", self.shape, self.wanted.precision, dcpl=early)
            file.create_dataset("checksums", (blocks, CHECKSUM), "uint8", dcpl=early)
            if self.classes:
                file.create_dataset("label", (self.wanted.count,), "int64", dcpl=early)
            file["times"] = np.array([self._times[k] for k in self._kept])
            file.attrs["about"] = self.about

    @torch.no_grad()
    def block(
        self, number: int, rows: int, teacher: Velocity, device: torch.device
    ) -> dict[str, NDArray[Any]]:
        """The states [rows, k, ...] of a block, and its labels [rows], drawn on the processor."""
        own = Randomness(int(Randomness(self._seed).integers(f"pool {number}", 2**31, (1,))))
        noise = own.normal("noise", (rows, *self.shape[2:])).to(device)
        label = self._label(rows, own)
        there = None if label is None else label.to(device)

        def field(x: Tensor, t: Any) -> Tensor:
            return teacher(x, each(t, x), there).to(x)

        step = SOLVERS[self.wanted.solver]
        states = solve(field, noise, self._times, step)[:, self._kept].to("cpu")
        if not states.isfinite().all():
            raise RunError("The teacher's trajectories are not finite; train it anew or longer.")
        found = {"states": states.numpy().astype(self.wanted.precision)}
        return found if label is None else found | {"label": label.numpy()}

    def _label(self, rows: int, own: Randomness) -> Tensor | None:
        """Classes as often as the data has them; a hidden one has the teacher's path for it."""
        if not self.classes:
            return None
        label = self._dataset.draw(rows, own).label
        assert label is not None
        hidden = own.uniform("label dropout", label.shape) < self._hidden
        return label.masked_fill(hidden, self.classes)


def times_of(wanted: specs.Trajectories) -> list[float]:
    """`steps` + 1 times from 1 to 0 on the common clock."""
    spaced = karras if wanted.spacing == "karras" else even
    return [float(t) for t in spaced(1.0, 0.0, wanted.steps)]


def solve(v: Field, noise: Tensor, times: Sequence[float], step: Step) -> Tensor:
    """The states [B, k, ...] at each of `times`, from noise at the first to data at t = 0.

    The last step is Euler's, so that no velocity is asked at t = 0 (as in arXiv 2206.00364,
    algorithm 1).
    """
    states = trajectory(v, noise, times[:-1], step)
    end = euler(v, states[-1], times[-2], times[-1])
    return torch.cat((states, end[None])).transpose(0, 1)


class Place(NamedTuple):
    """Where an array begins in a file, and the bytes of one of its rows."""

    start: int
    row: int


def _places(path: Path, plan: Plan) -> dict[str, Place] | None:
    """The arrays of a file of this plan, or None where it is none.

    A run that somebody sent has a file of theirs: what points out of it is nothing of this plan.
    """
    try:
        with hdf5.open_hdf5(path) as file:
            if file.attrs.get("about") != plan.about:
                return None
            arrays = {}
            for name, array, _ in hdf5.walk(file, _MOST):
                if array is None or array.chunks:
                    return None
                arrays[name] = array
            held = {n: arrays[n] for n in ("states", "label", "checksums") if n in arrays}
            return {n: Place(d.id.get_offset(), d.nbytes // len(d)) for n, d in held.items()}
    except DAMAGE:
        return None


def _whole(path: Path, plan: Plan) -> bool:
    """Whether the pool is there and every block of it as it was written."""
    if (places := _places(path, plan)) is None:
        return False
    with open(path, "rb") as file:
        return all(_intact(file, places, *block) for block in plan.blocks())


def _intact(file: BinaryIO, places: dict[str, Place], number: int, rows: slice) -> bool:
    start, row = places["checksums"]
    file.seek(start + number * row)
    return file.read(row) == _checksum(file, places, rows)


def _checksum(file: BinaryIO, places: dict[str, Place], rows: slice) -> bytes:
    digest = hashlib.sha256()
    for name in ("states", "label"):
        if name in places:
            start, row = places[name]
            file.seek(start + rows.start * row)
            digest.update(file.read((rows.stop - rows.start) * row))
    return digest.digest()


def _build(path: Path, plan: Plan, teacher: Velocity, device: torch.device, report: Report) -> None:
    """Write every block that is not whole, beside `path`, then give the file its name."""
    part = _part(path)
    if path.exists():
        os.replace(path, part)
    if (places := _places(part, plan)) is None:
        _check_space(path.parent, plan.size)
        plan.make(part)
        places = _places(part, plan)
        assert places is not None
    with open(part, "r+b") as file:
        for number, rows in plan.blocks():
            if not _intact(file, places, number, rows):
                found = plan.block(number, rows.stop - rows.start, teacher, device)
                _write(file, places, number, rows, found)
            report(rows.stop, plan.wanted.count)
    os.replace(part, path)
    with contextlib.suppress(OSError):  # some systems sync no folder
        sync(path.parent)


def _part(path: Path) -> Path:
    """Where a pool is built: not a name that is swept away when a run goes on."""
    return path.with_name(f"{path.name}.part")


def _write(
    file: BinaryIO,
    places: dict[str, Place],
    number: int,
    rows: slice,
    found: dict[str, NDArray[Any]],
) -> None:
    """Write a block, and its checksum once the block is on the disk."""
    for name, array in found.items():
        start, row = places[name]
        file.seek(start + rows.start * row)
        file.write(np.ascontiguousarray(array).data)
    _sync(file)
    checksum = _checksum(file, places, rows)
    start, row = places["checksums"]
    file.seek(start + number * row)
    file.write(checksum)
    _sync(file)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _check_space(folder: Path, size: int) -> None:
    free, needed = shutil.disk_usage(folder).free, size + size // 20 + (1 << 20)
    if free < needed:
        raise RunError(
            f"The disk of {folder} has {free >> 20} MB left and the teacher's trajectories need "
            f"{needed >> 20} MB; free some space or lower method.trajectories.count."
        )
