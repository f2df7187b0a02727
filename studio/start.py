"""From nothing to a window that stands, and only then to the pages in it."""

import os
import sys

from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from studio.model.session import Session
from studio.options import Options
from studio.theme.theme import Theme
from studio.view.window import Window

PATIENCE = 1000  # ms until the window is taken as shown, should nobody ever paint it


def run(options: Options) -> int:
    """Show the window first, load and wire the rest behind it, and stay until it is closed."""
    app = application()
    session = Session()
    theme = Theme(options.theme or session.theme or system_theme(app))
    theme.apply(app)
    window = Window(theme, session)
    window.show()
    wait_painted(window)
    from studio.faults import Faults  # asyncio, numpy and the rest come in only now
    from studio.live import live

    faults = Faults()
    try:
        status = live(app, window, options, faults)
        faults.leave()
        return status
    finally:
        faults.release()


def application() -> QApplication:
    """The QApplication under the names that logs, settings and the desktop know it by."""
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    app.setApplicationName("studio")
    app.setOrganizationName("Flow Map Studio")
    app.setApplicationDisplayName("Flow Map Studio")
    app.setDesktopFileName("flowmap-studio")
    app.setQuitOnLastWindowClosed(False)  # the loop ends when the engine has been let go
    return app


def system_theme(app: QApplication) -> str:
    """The desktop's choice, told by its palette; dark where there is no desktop to choose."""
    desktop = sys.platform != "linux" or bool(os.environ.get("XDG_CURRENT_DESKTOP"))
    light = app.palette().window().color().lightness() > 127
    return "light" if desktop and light else "dark"


def wait_painted(window: Window) -> None:
    """Return when the window has painted itself for the first time."""
    loop = QEventLoop()
    window.painted.connect(loop.quit)
    QTimer.singleShot(PATIENCE, loop.quit)
    loop.exec()
