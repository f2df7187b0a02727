"""Sealed checkpoints: whole and verified, or not there at all."""

import contextlib
import hashlib
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import torch
from safetensors.torch import load, save
from torch import Tensor

from engine.contract.files import TEMPORARY, replace, sync, write_synced
from engine.contract.tensor_file import read_tensor_header
from engine.contract.version import RUN_FORMAT, VERSION
from engine.runs.errors import RunError, disk_sentence
from engine.runs.folder import MANIFEST, RunFolder

STATE = "state.json"
_SUFFIX = ".safetensors"


class NotFinite(RunError):
    """Weights or averages that must not be sealed: a checkpoint is to be gone on from."""


class Entry(msgspec.Struct, frozen=True):
    """A file of a checkpoint, as it was written."""

    name: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What a checkpoint holds; written last, so a checkpoint without one does not count."""

    format: int
    step: int
    files: tuple[Entry, ...]
    version: str = ""  # of the program, empty in the first ones


class Checkpoint(NamedTuple):
    """A verified checkpoint, and a sentence for each newer one that was not whole."""

    step: int
    path: Path
    damaged: tuple[str, ...] = ()

    def state(self) -> dict[str, Any]:
        """Everything of it that is no tensor."""
        found: dict[str, Any] = json.loads((self.path / STATE).read_bytes())
        return found

    def tensors(self, file: str) -> dict[str, Tensor]:
        """The tensors of one file, named without its suffix, on the CPU.

        Raises OSError, and UserError where its header is none that this program writes.
        """
        content = (self.path / f"{file}{_SUFFIX}").read_bytes()
        read_tensor_header(f"{self.path}/{file}{_SUFFIX}", io.BytesIO(content))
        return load(content)

    def files(self) -> list[str]:
        """Names of its tensor files, without the suffix."""
        names = (entry.name for entry in _manifest(self.path).files)
        return sorted(n.removesuffix(_SUFFIX) for n in names if n.endswith(_SUFFIX))


def seal(
    folder: RunFolder, step: int, tensors: dict[str, dict[str, Tensor]], state: dict[str, Any]
) -> Path:
    """Write the checkpoint of `step` under a temporary name, wait for the disk, then name it.

    Raises NotFinite, or RunError where the disk refuses; older ones stay untouched.
    """
    for name, group in tensors.items():
        _refuse_non_finite(name, group, step)
    final = folder.checkpoint(step)
    temporary = final.with_name(f"{TEMPORARY}{final.name}")
    try:
        _write(temporary, step, tensors, state)
        if final.exists():  # of a future that was taken back, or damaged
            shutil.rmtree(final)
        replace(temporary, final)
        sync(final.parent)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise RunError(disk_sentence("save a checkpoint in", folder.path, error)) from error
    return final


def check_space(folder: RunFolder, size: int, pool: int = 0) -> None:
    """Raise RunError where a checkpoint and a pool of about so many bytes would not fit."""
    try:
        free = shutil.disk_usage(folder.path).free
    except OSError as error:
        raise RunError(disk_sentence("use", folder.path, error)) from error
    needed = size + size // 5 + (1 << 20) + pool + pool // 20
    what = "its teacher's trajectories and a checkpoint need" if pool else "a checkpoint needs"
    if free < needed:
        raise RunError(
            f"The disk of {folder.path} has {free >> 20} MB left and {what} {needed >> 20} MB; "
            "free some space or choose another folder."
        )


def _write(
    path: Path, step: int, tensors: dict[str, dict[str, Tensor]], state: dict[str, Any]
) -> None:
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    entries = []

    def add(name: str, content: bytes) -> None:
        write_synced(path / name, content)
        entries.append(Entry(name, len(content), hashlib.sha256(content).hexdigest()))

    for name, group in tensors.items():
        add(f"{name}{_SUFFIX}", save({k: t.detach().cpu().contiguous() for k, t in group.items()}))
    add(STATE, json.dumps(state, indent=1, allow_nan=False).encode())
    manifest = Manifest(RUN_FORMAT, step, tuple(entries), VERSION)
    write_synced(path / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
    sync(path)


def _refuse_non_finite(name: str, group: dict[str, Tensor], step: int) -> None:
    for key, tensor in group.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise NotFinite(f"Step {step} is not saved: {key} of {name} is not finite.")


def newest(folder: RunFolder, most: int | None = None) -> Checkpoint | None:
    """The newest checkpoint that verifies, of at most step `most`; None where none was sealed.

    Raises RunError where all are damaged, or one is of a newer version of the program.
    """
    damaged: list[str] = []
    steps = [s for s in folder.checkpoints(sealed=False) if most is None or s <= most]
    for step in reversed(steps):
        path = folder.checkpoint(step)
        if not (problem := verify(path)):
            return Checkpoint(step, path, tuple(damaged))
        damaged.append(f"The checkpoint of step {step} is damaged ({problem}); it is not used.")
    if damaged:
        raise RunError(
            f"No checkpoint of {folder.path} is whole (the newest: {problem}); "
            "start a new run from its spec.toml."
        )
    return None


def verify(path: Path) -> str:
    """What is wrong with a checkpoint, empty where every file is as it was written.

    Raises RunError where a newer version of the program wrote it.
    """
    try:
        manifest = _manifest(path)
        if manifest.format > RUN_FORMAT:
            written = f"version {manifest.version} of the program" if manifest.version else ""
            raise RunError(
                f"{path} was written by {written or 'a newer version of the program'} in format "
                f"{manifest.format}; this is version {VERSION}, which knows format {RUN_FORMAT}: "
                "update it."
            )
        for entry in manifest.files:
            if Path(entry.name).name != entry.name:
                return f"{MANIFEST} names a file elsewhere"
            content = (path / entry.name).read_bytes()
            if len(content) != entry.size:
                return f"{entry.name} has {len(content)} of {entry.size} bytes"
            if hashlib.sha256(content).hexdigest() != entry.sha256:
                return f"{entry.name} has changed"
    except (msgspec.DecodeError, ValueError, RecursionError):  # also of bytes that are no text
        return f"{MANIFEST} is not readable"
    except OSError as error:
        return f"{Path(error.filename or MANIFEST).name}: {error.strerror}"
    return ""


def set_aside(folder: RunFolder, after: int) -> list[str]:
    """Rename every checkpoint beyond `after` to STEP.bad: it does not count, but is kept.

    Returns their new names.
    """
    found = []
    for step in folder.checkpoints(sealed=False):
        if step > after:
            path = folder.checkpoint(step)
            bad = path.with_name(f"{path.name}.bad")
            shutil.rmtree(bad, ignore_errors=True)
            with contextlib.suppress(OSError):
                replace(path, bad)
                found.append(bad.name)
    return found


def _manifest(path: Path) -> Manifest:
    return msgspec.json.decode((path / MANIFEST).read_bytes(), type=Manifest)


def prune(
    folder: RunFolder, keep: int, spare: Callable[[int, Path], None] = lambda step, path: None
) -> None:
    """Take away all but the newest `keep` checkpoints, once the newest is verified.

    `spare` may first take from one that goes, by its step and place, what is to be kept.
    """
    steps = folder.checkpoints()
    if len(steps) <= keep or verify(folder.checkpoint(steps[-1])):
        return
    for step in steps[:-keep]:
        # Without its manifest it no longer counts, should a kill leave the rest of it.
        with contextlib.suppress(OSError):
            (folder.checkpoint(step) / MANIFEST).unlink(missing_ok=True)
        spare(step, folder.checkpoint(step))
        shutil.rmtree(folder.checkpoint(step), ignore_errors=True)


def sweep(folder: RunFolder) -> None:
    """Take away what a kill left half written, or half taken away: `prune` begins with the oldest.

    A folder without a manifest that is newer than a checkpoint is none of these, and stays.
    """
    sealed = folder.checkpoints()
    for step in folder.checkpoints(sealed=False):
        if sealed and step < sealed[-1] and step not in sealed:
            shutil.rmtree(folder.checkpoint(step), ignore_errors=True)
    for place in (folder.path, folder.samples, folder.checkpoint(0).parent):
        for path in place.glob(f"{TEMPORARY}*"):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
