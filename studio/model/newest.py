"""Work that is done one at a time, where of all wishes made meanwhile only the newest counts."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from studio.model.tasks import spawn


class Newest:
    """Calls `work` after a wish; wishes made while it runs lead to one more call."""

    def __init__(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._work = work
        self._wished = asyncio.Event()
        self._running = False

    @property
    def waiting(self) -> bool:
        """Whether a wish was made that `work` does not know of yet."""
        return self._wished.is_set()

    def wish(self, at_once: bool = False) -> None:
        """Ask for `work`, reading what it needs when it begins: in the loop's next turn.

        `at_once` begins now where none is under way; what else is wished in this turn waits.
        """
        self._wished.set()
        if not self._running:
            self._running = True
            spawn(self._run(), at_once=at_once)

    def forget(self) -> None:
        """Take back a wish that has not begun."""
        self._wished.clear()

    async def quiet(self, seconds: float) -> bool:
        """Whether so much time passed without a new wish."""
        try:
            await asyncio.wait_for(self._wished.wait(), seconds)
        except TimeoutError:
            return True
        return False

    async def _run(self) -> None:
        try:
            while self.waiting:
                self._wished.clear()
                await self._work()
        finally:
            self._running = False
