"""The film of a training: shown averages of checkpoints that are gone, few and evenly spread.

A frame is a file of a checkpoint, moved when the checkpoint is taken away, so that it costs no
writing; the map of its training loss goes with it. It can be looked at and not gone on from.
"""

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from engine.runs.folder import FRAME, LOSS_MAP, RunFolder


class Film:
    """The frames of a run: the average `file` of each, at most `most` of them."""

    def __init__(self, folder: RunFolder, file: str, most: int) -> None:
        self._folder, self._file, self._most = folder, file, most

    def keep(self, step: int, checkpoint: Path) -> None:
        """Put by the average of a checkpoint that is about to go; where that fails, it goes."""
        if self._most < 1:
            return
        with contextlib.suppress(OSError):
            frame = self._folder.frame(step)
            frame.parent.mkdir(exist_ok=True)
            os.replace(checkpoint / self._file, frame)
            with contextlib.suppress(FileNotFoundError):  # of an older version
                os.replace(checkpoint / f"{LOSS_MAP}{FRAME}", self._folder.loss_map(step))
            for dropped in superfluous(self._folder.frames(), self._most):
                _drop(self._folder, dropped)


def superfluous(steps: Sequence[int], most: int) -> list[int]:
    """Which steps to drop so that `most` are left, the first and the last among them.

    The one whose neighbours lie nearest to each other, as a ratio, goes first: a training changes
    as much from step 100 to 200 as from 1,000 to 2,000.
    """
    left, dropped = list(steps), []
    while len(left) > max(2, most):
        ratios = [left[k + 1] / max(1, left[k - 1]) for k in range(1, len(left) - 1)]
        dropped.append(left.pop(1 + ratios.index(min(ratios))))
    return dropped


def cut(folder: RunFolder, after: int) -> None:
    """Drop the frames beyond `after`: of a future that was taken back."""
    for step in folder.frames():
        if step > after:
            _drop(folder, step)


def _drop(folder: RunFolder, step: int) -> None:
    for file in (folder.loss_map(step), folder.frame(step)):
        file.unlink(missing_ok=True)
