"""How a worker that was asked to stop is made to: asked, told by a signal, killed."""

import asyncio
import math
import time
from collections.abc import Callable

from engine.hub.child import Child
from engine.hub.silence import SPOKEN, TICK, Silence

STEP = 30.0  # seconds to take a step, save and leave in
STEPS = 5  # usual steps, where that is longer
OTHER = 120.0  # seconds where it samples, loads or compiles
TOLD = 10.0  # seconds after the signal
SHOWN = 3.0  # seconds of waiting before anybody is told of it


class Ending:
    """Goes up the ladder while the worker lives; never while it is saving and says so."""

    def __init__(
        self,
        child: Child,
        silence: Silence,
        show: Callable[[str], None],
        note: Callable[[str], None],
    ) -> None:
        """`show` takes the sentence that counts down, `note` what was done."""
        self._child, self._silence, self._show, self._note = child, silence, show, note

    async def run(self) -> None:
        """To be cancelled when the worker has left."""
        await self._wait(self._patience, "It has not stopped yet; its process is told to end")
        self._note("did not stop, so its process was told to end (SIGTERM).")
        self._child.terminate()
        await self._wait(lambda: TOLD, "It did not end; its process is killed")
        self._note("did not end, so its process was killed (SIGKILL).")
        self._child.kill()

    async def _wait(self, patience: Callable[[], float], words: str) -> None:
        waited, shown = 0.0, ""
        while (left := patience() - waited) > 0:
            if self._saving():
                text = "It is saving, and is not disturbed."
            else:
                text = f"{words} in {math.ceil(left)} s." if waited >= SHOWN else ""
            if text != shown:
                shown = text
                self._show(text)
            start = time.monotonic()
            await asyncio.sleep(min(TICK, max(left, 0.01)))
            if not self._saving():
                waited += min(time.monotonic() - start, 1.5 * TICK)

    def _saving(self) -> bool:
        return self._silence.phase == "saving" and self._silence.unheard < SPOKEN

    def _patience(self) -> float:
        if self._silence.phase in ("training", "teacher", "waiting"):
            return max(STEP, STEPS * self._silence.step_time)
        return OTHER
