"""How tests of coroutines run and wait."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

LIMIT = 30.0  # seconds; the machine may be busy


def run(scenario: Coroutine[Any, Any, None]) -> None:
    """Run a test's coroutine on a plain loop; whatever it spawned must end with it."""
    asyncio.run(asyncio.wait_for(scenario, LIMIT))


async def until(condition: Callable[[], object]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(LIMIT):
        while not condition():
            await asyncio.sleep(0.001)


async def settle(turns: int = 20) -> None:
    """Let everything happen that needs no more than a few turns of the loop."""
    for _ in range(turns):
        await asyncio.sleep(0)
