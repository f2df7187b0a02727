"""The life of the studio behind a window that stands: its loop, its engine, its end."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QApplication
from qasync import QEventLoop

from studio.faults import Faults
from studio.garbage import Garbage
from studio.link.hub_link import HubLink
from studio.model.models import Models
from studio.model.tasks import spawn
from studio.options import Options
from studio.signals import Signals
from studio.view.window import Window

if TYPE_CHECKING:
    from studio.assembly import Studio


def live(app: QApplication, window: Window, options: Options, faults: Faults) -> int:
    """Run the studio until its window is closed; the exit status."""
    garbage = Garbage()
    try:
        with QEventLoop(app) as loop:
            loop.set_exception_handler(faults.in_loop)
            status: int = loop.run_until_complete(_live(window, options, faults))
        return status
    finally:
        garbage.release()


async def _live(window: Window, options: Options, faults: Faults) -> int:
    link = HubLink(options.workspace)
    models = Models(link)
    faults.show = lambda sentence: _tell(models, window, sentence)
    spawn(models.engine.start())
    await asyncio.sleep(0)  # now the engine starts beside us, while the pages are loaded here
    from studio.assembly import Studio

    logs = {name: faults.folder / name for name in ("studio.log", "crash.log")}
    died = faults.died and not options.demo
    studio = Studio(window, window.theme, models, {**logs, "engine.log": link.log}, died)
    faults.show = lambda sentence: _tell(models, window, sentence, studio.reporter.open)
    signals = Signals(studio.leaving.leave)
    closed = asyncio.Event()
    window.closed.connect(closed.set)
    try:
        return await _perform(studio, options, closed)
    finally:
        signals.release()
        faults.unanswered = studio.last_time.asking
        await studio.stop()


async def _perform(studio: "Studio", options: Options, closed: asyncio.Event) -> int:
    """Everything between the start and the end."""
    starting = spawn(studio.start(options.target))
    if options.demo:
        from studio.demo import perform

        await starting
        return await perform(studio, options.out)
    if not studio.window.is_closed:
        await closed.wait()
    return 0


def _tell(
    models: Models, window: Window, sentence: str, report: Callable[[], object] | None = None
) -> None:
    models.engine.note("error", sentence)
    window.notices.tell(sentence, "error", "fault", [("Report", report)] if report else [])
