"""The training loss over (t, s) as a run keeps it: with its checkpoints, in its film, and live."""

import contextlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from engine.contract.files import write_whole
from engine.contract.maps import LOSS_PARTS
from engine.runs.errors import RunError
from engine.runs.folder import FRAME, LOSS_MAP, RunFolder

EVERY = 2.0  # seconds between two writings of the live map
Arrays = Mapping[str, NDArray[np.float32]]


class LossMap(NamedTuple):
    """Sums of errors and their faded numbers after `step` updates, float32 [parts, parts]."""

    step: int
    sums: NDArray[np.float32]
    counts: NDArray[np.float32]


class Live:
    """Writes the map of a running training now and then, by whom it is trained."""

    def __init__(self, folder: RunFolder) -> None:
        """What lies there is of an earlier session, perhaps of a future that was taken back."""
        self._path, self._written = folder.live_loss_map, time.monotonic()
        self.forget()

    def forget(self) -> None:
        """Take it away: a checkpoint holds what it says, or it is of no run that counts."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def tell(self, step: int, arrays: Callable[[], Arrays]) -> None:
        """Write it where it is time to; a disk that refuses costs nothing but the map."""
        if time.monotonic() - self._written < EVERY:
            return
        self._written = time.monotonic()
        held = {name: np.asarray(array) for name, array in arrays().items()}
        with contextlib.suppress(OSError):
            write_whole(self._path, save(held | {"step": np.array([step])}), durable=False)


def read(folder: RunFolder, step: int = -1) -> LossMap:
    """The map of a kept step, or the newest there is. Raises RunError where there is none."""
    if step < 0:
        steps = folder.checkpoints()
        sealed = _read(_sealed(folder, steps[-1]), steps[-1]) if steps else None
        live = _read(folder.live_loss_map)
        found = max((m for m in (sealed, live) if m), key=lambda m: m.step, default=None)
    else:
        found = _read(_sealed(folder, step), step) or _read(folder.loss_map(step), step)
    if found is None:
        raise RunError(
            f"{folder.name} has no map of its training loss yet: "
            "it appears with the next checkpoint, unless this step is of an older version."
        )
    return found


def _sealed(folder: RunFolder, step: int) -> Path:
    return folder.checkpoint(step) / f"{LOSS_MAP}{FRAME}"


def _read(path: Path, step: int = -1) -> LossMap | None:
    """What lies there, where it can be read; its step is within, where it is not given."""
    try:
        held = load(path.read_bytes())
        sums, counts = held["sums"], held["counts"]
        known = step if step >= 0 else int(held["step"][0])
    except (OSError, SafetensorError, KeyError, IndexError):
        return None
    whole = sums.shape == counts.shape == (LOSS_PARTS, LOSS_PARTS)
    return LossMap(known, sums, counts) if whole else None
