"""Coroutines started from slots: none is lost, and none fails in silence."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from studio.link.link import LinkError

Result = TypeVar("Result")
_running: set[asyncio.Task[Any]] = set()


def spawn(
    work: Coroutine[Any, Any, Result], refused: Callable[[str], None] | None = None
) -> asyncio.Task[Result]:
    """Run `work` on the running loop, keeping it alive until it ends.

    What the engine refuses goes to `refused` as one sentence, where given; every other exception
    goes to `sys.excepthook`.
    """
    task = asyncio.get_running_loop().create_task(work)
    _running.add(task)
    task.add_done_callback(lambda done: _ended(done, refused))
    return task


def running() -> int:
    """How many spawned coroutines have not ended."""
    return len(_running)


async def cancel_all() -> None:
    """Cancel what was spawned and wait until it has ended; for the end of the application."""
    tasks = [task for task in _running if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _ended(task: asyncio.Task[Any], refused: Callable[[str], None] | None) -> None:
    _running.discard(task)
    if task.cancelled() or (error := task.exception()) is None:
        return
    if refused is not None and isinstance(error, LinkError):
        refused(str(error))
    else:
        sys.excepthook(type(error), error, error.__traceback__)
