"""Seals checkpoints beside the training, which then waits for no disk."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from torch import Tensor

from engine.runs.checkpoint import prune, seal
from engine.runs.film import Film
from engine.runs.folder import RunFolder

Tensors = dict[str, dict[str, Tensor]]


class Saver:
    """One checkpoint at a time, in a thread; each is copied first, so training may go on."""

    def __init__(
        self, folder: RunFolder, keep: int, before: Callable[[], None], film: Film
    ) -> None:
        self._folder, self._keep, self._film = folder, keep, film
        self._before = before  # what must be on the disk before a checkpoint may count
        self._pool = ThreadPoolExecutor(1, "saver")
        self._job: Future[None] | None = None
        self.step = -1  # of the newest save that was begun

    def begin(self, step: int, tensors: Tensors, state: dict[str, Any], prune: bool = True) -> None:
        """Copy everything and begin to write it; the one before must be settled.

        Without `prune` no older one is taken away for it.
        """
        assert self._job is None
        copied = {
            name: {key: tensor.detach().to("cpu", copy=True) for key, tensor in group.items()}
            for name, group in tensors.items()
        }
        self.step = step
        self._job = self._pool.submit(self._seal, step, copied, state, prune)

    def settled(self, wait: bool) -> bool:
        """Whether a save ended since the last call. Raises RunError where it failed."""
        if self._job is None or not (wait or self._job.done()):
            return False
        job, self._job = self._job, None
        job.result()
        return True

    def close(self) -> None:
        """Wait for the thread to end."""
        self._pool.shutdown()

    def _seal(self, step: int, tensors: Tensors, state: dict[str, Any], thin: bool) -> None:
        self._before()
        seal(self._folder, step, tensors, state)
        if thin:
            prune(self._folder, self._keep, self._film.keep)
