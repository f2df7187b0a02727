"""Coroutines started from slots: none is lost, and none fails in silence."""

import asyncio
import sys
import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar

from studio.link.link import LinkError

Result = TypeVar("Result")
_running: set[asyncio.Task[Any]] = set()


def spawn(
    work: Coroutine[Any, Any, Result],
    refused: Callable[[str], None] | None = None,
    at_once: bool = False,
) -> asyncio.Task[Result]:
    """Run `work` on the running loop, keeping it alive until it ends.

    What the engine refuses goes to `refused` as one sentence, where given; every other exception
    goes to `sys.excepthook`. Qt paints before the loop's next turn: `at_once` does not wait for
    that, but runs `work` within this call up to where it first waits.
    """
    task = asyncio.get_running_loop().create_task(_begun(work) if at_once else work)
    _running.add(task)
    task.add_done_callback(lambda done: _ended(done, refused))
    return task


def _begun(work: Coroutine[Any, Any, Result]) -> Coroutine[Any, Any, Result]:
    """`work`, already where it first waits (Python 3.12 has tasks that start eagerly)."""
    try:
        waiting = work.send(None)
    except StopIteration as end:
        return _ended_with(end.value)
    except Exception as error:  # noqa: BLE001  it is the task's to tell
        return _failed_with(error)
    return _gone_on(work, waiting)


async def _ended_with(result: Result) -> Result:
    return result


async def _failed_with(error: Exception) -> Any:
    raise error


async def _gone_on(work: Coroutine[Any, Any, Result], waiting: Any) -> Result:
    return await _rest(work, waiting)


@types.coroutine
def _rest(work: Coroutine[Any, Any, Result], waiting: Any) -> Generator[Any, Any, Result]:
    """What `await work` does, after its first step."""
    while True:
        try:
            sent = yield waiting
        except BaseException as error:  # noqa: BLE001  cancelled, or what it waited for failed
            step: Callable[[Any], Any] = work.throw
            given: Any = error
        else:
            step, given = work.send, sent
        try:
            waiting = step(given)
        except StopIteration as end:
            result: Result = end.value
            return result


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
