"""The whole studio with its real processes, for a bench to drive."""

import asyncio
import os
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from qasync import QEventLoop

from studio.assembly import Studio
from studio.garbage import Garbage
from studio.link.hub_link import HUB, HubLink
from studio.model.models import Models
from studio.model.session import Session
from studio.start import application
from studio.theme.theme import Theme
from studio.view.window import Window

LIMIT = 600.0


def with_studio(
    scenario: Callable[[Studio], Coroutine[Any, Any, None]],
    hub: Sequence[str] = HUB,
    seconds: float = LIMIT,
) -> None:
    """Run `scenario(studio)`, for so long at most, on a studio with a workspace of its own."""
    app = application()
    with tempfile.TemporaryDirectory(prefix="flowmap-bench-") as folder:
        settings = Path(folder) / "settings.ini"
        theme = Theme("dark")
        theme.apply(app)
        window = Window(theme, Session(settings))
        window.resize(1440, 900)
        window.show()

        async def live() -> None:
            link = HubLink(Path(folder) / "workspace", hub, Path(folder) / "hub.log")
            studio = Studio(window, theme, Models(link, settings))
            try:
                await studio.start()
                await asyncio.wait_for(scenario(studio), seconds)
            finally:
                await studio.stop()

        garbage = Garbage()
        with QEventLoop(app) as loop:
            loop.run_until_complete(live())
        garbage.release()
        window.deleteLater()


async def until(true: Callable[[], object]) -> None:
    """Wait until something holds, looking every two milliseconds."""
    async with asyncio.timeout(LIMIT):
        while not true():
            await asyncio.sleep(0.002)
