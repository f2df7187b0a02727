"""The menu bar, from the registered commands."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QMenuBar

from studio.model.session import Session
from studio.view.widgets.tips import plain_tip

if TYPE_CHECKING:
    from studio.view.actions import Actions

MENUS = ("file", "edit", "run", "explore", "view", "window", "help")
BREAKS = {"file.save", "file.quit", "edit.preset", "run.pause", "run.save", "run.hold",
          "view.full", "window.close", "help.report"}  # fmt: skip


class Menus:
    """The menus by name; pages add their own actions to theirs."""

    def __init__(self, bar: QMenuBar, session: Session) -> None:
        self.recent = RecentMenu(session)
        self._menus = {name: bar.addMenu(f"&{name.capitalize()}") for name in MENUS}

    def fill(self, actions: "Actions") -> None:
        """Put the window's own commands in."""
        for name, menu in self._menus.items():
            for action in actions.of(name):
                if action.objectName() in BREAKS:
                    menu.addSeparator()
                menu.addAction(action)
                if action.objectName() == "file.open-folder":
                    menu.addMenu(self.recent)

    def __getitem__(self, name: str) -> QMenu:
        return self._menus[name]

    def add(self, name: str, actions: list[QAction]) -> None:
        """Put a page's actions into a menu."""
        self[name].addActions(actions)


class RecentMenu(QMenu):
    """What was opened lately, newest first; what is gone is grey."""

    def __init__(self, session: Session) -> None:
        super().__init__("Open &recent")
        self._session = session
        self.open: Callable[[str], object] = lambda name: None
        self.known: Callable[[str], bool] = lambda name: Path(name).exists()
        self.aboutToShow.connect(self.fill)

    def fill(self) -> None:
        """Read the list again."""
        self.clear()
        for name in self._session.recent:
            action = self.addAction(short(name), partial(self._open, name))
            action.setToolTip(plain_tip(name))
            action.setEnabled(self.known(name))
        if not self._session.recent:
            self.addAction("Nothing was opened yet").setEnabled(False)
        self.addSeparator()
        self.addAction("&Clear", self._session.clear_recent)

    def _open(self, name: str) -> None:
        self.open(name)


def short(name: str) -> str:
    """A path by its last two parts, a name as it is."""
    path = Path(name)
    return str(Path(*path.parts[-2:])) if path.is_absolute() else name
