"""The main window: rail, pages, notices, log and status bar. It stands before any model does."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6 import QtCore
from PySide6.QtCore import QByteArray, QEvent, QMimeData, QSize, QTimer, Signal
from PySide6.QtGui import (
    QAction,
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QGuiApplication,
    QIcon,
    QPaintEvent,
)
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMainWindow,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from engine.contract.assets import asset
from studio.model.session import Session
from studio.theme.theme import Theme
from studio.view.menus import MENUS, Menus
from studio.view.rail import Rail
from studio.view.status import StatusBar
from studio.view.widgets.notice import Notices
from studio.view.widgets.split import Split

if TYPE_CHECKING:
    from studio.view.actions import Actions
    from studio.view.log_panel import LogPanel
    from studio.view.shortcuts import Shortcuts

DEFAULT_SIZE = QSize(1280, 800)
LOG_HEIGHT = 190


class Window(QMainWindow):
    """Holds the pages and everything around them; knows nothing of the engine.

    It is shown bare and furnished after its first paint: what nobody can see in that moment (and
    the enumerations of Qt's namespace, which take as long as a small window) can wait for it.
    """

    actions_: "Actions"
    log: "LogPanel"
    shortcuts: "Shortcuts"

    painted = Signal()  # once, after the first paint
    closing = Signal(object)  # the QCloseEvent, before anything is closed
    closed = Signal()
    page_changed = Signal(str)
    dropped = Signal(str)  # the path of a file or folder

    def __init__(self, theme: Theme, session: Session) -> None:
        super().__init__()
        self.theme, self.session = theme, session
        self.setWindowTitle("Flow Map Studio")
        self.setMinimumSize(960, 600)
        self.menus = Menus(self.menuBar(), session)
        self.rail = Rail(theme)
        self.pages = QStackedWidget()
        self.notices = Notices(theme)
        self.status = StatusBar(theme)
        self._title = ""
        self._titles: list[str] = []
        self._pages: list[QWidget] = []
        self._painted = self.is_closed = False
        self.describe_drop: Callable[[str], str] = lambda path: ""
        self.setAcceptDrops(True)
        self._lay_out()
        self.restore()

    def furnish(self) -> None:
        """Put everything else in: commands, menus, log, shortcuts."""
        from studio.view.actions import Actions
        from studio.view.log_panel import LogPanel
        from studio.view.shortcuts import Shortcuts

        self.setWindowIcon(QIcon(str(asset("app.svg"))))
        self.actions_ = Actions(self.theme, self)
        self.menus.fill(self.actions_)
        self.status.furnish()
        self.log = LogPanel(self.theme, self.actions_["view.log"])
        self.log.hide()
        self.split.setOrientation(QtCore.Qt.Orientation.Vertical)
        self.split.addWidget(self.log)
        self.split.setStretchFactor(0, 1)
        self.shortcuts = Shortcuts(self.theme, self)
        for name in ("view.log", "view.theme", "help.shortcuts"):
            self.rail.add_foot(self.actions_[name])
        self._wire()

    def add_page(self, page: QWidget, title: str, icon_name: str) -> None:
        """Add a page behind the others, unseen, its `actions()` into the menu of its name."""
        self._titles.append(title)
        self._pages.append(page)
        self.pages.addWidget(page)
        self.rail.add_page(title, icon_name)
        opens = QAction(f"&{title}", self)
        opens.setShortcut(f"Ctrl+{len(self._titles)}")
        opens.triggered.connect(lambda: self.show_page(title))
        self.menus["view"].insertAction(self.actions_["view.theme"], opens)
        if page.actions():
            self.menus.add(title.lower(), page.actions())

    def show_page(self, title: str) -> None:
        """Show the page called `title`; an unknown title changes nothing."""
        if title in self._titles:
            index = self._titles.index(title)
            self._title = title
            self.pages.setCurrentWidget(self._pages[index])
            self.rail.show_page(index)
            self._pages[index].setFocus()
            self.page_changed.emit(title)

    def page_title(self) -> str:
        """The title of the page in sight, "" before there is one."""
        return self._title

    def restore(self) -> None:
        """Stand where the window stood last time, or in the middle at its default size."""
        saved = self.session.geometry
        if not saved or not self.restoreGeometry(QByteArray(saved)):
            self.default_size()

    def default_size(self) -> None:
        """Take the default size, within the screen."""
        room = QGuiApplication.primaryScreen().availableGeometry()
        self.resize(DEFAULT_SIZE.boundedTo(room.size()))
        self.move(room.center() - self.rect().center())

    def groups(self) -> Sequence[tuple[str, list[QAction]]]:
        """Every action by menu, for the list of shortcuts."""
        return [
            (name.capitalize(), [a for a in self.menus[name].actions() if a.text()])
            for name in MENUS
        ]

    def paintEvent(self, event: QPaintEvent) -> None:
        """Tell once that the window stands."""
        super().paintEvent(event)
        if not self._painted:
            self._painted = True
            QTimer.singleShot(0, self.painted.emit)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Close unless somebody who listens to `closing` ignores the event."""
        event.accept()
        self.closing.emit(event)
        if event.isAccepted():
            self.session.geometry = bytes(self.saveGeometry().data())
            self.session.save()
            self.is_closed = True
            self.closed.emit()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take what can be opened, and say what will happen."""
        if hint := self.describe_drop(_dragged(event.mimeData())):
            event.acceptProposedAction()
            self.status.showMessage(hint)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """It was carried away again."""
        self.status.clearMessage()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open it."""
        self.status.clearMessage()
        event.acceptProposedAction()
        self.dropped.emit(_dragged(event.mimeData()))

    def changeEvent(self, event: QEvent) -> None:
        """Keep the full-screen command true."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.WindowStateChange:
            self.actions_["view.full"].setChecked(self.isFullScreen())

    def _lay_out(self) -> None:
        self.split = Split("log", self.session)
        self.split.addWidget(self.pages)
        self.split.setHandleWidth(1)
        column = QVBoxLayout()
        column.setSpacing(0)
        column.addWidget(self.notices)
        column.addWidget(self.split, 1)
        centre = QWidget()
        row = QHBoxLayout(centre)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.rail)
        row.addLayout(column, 1)
        self.setCentralWidget(centre)
        self.setStatusBar(self.status)

    def _wire(self) -> None:
        act = self.actions_
        self.rail.chosen.connect(lambda index: self.show_page(self._titles[index]))
        act["view.theme"].triggered.connect(self._toggle_theme)
        act["view.log"].toggled.connect(self._show_log)
        act["view.log"].setChecked(self.session.log)
        act["view.full"].toggled.connect(self._show_full)
        act["window.next"].triggered.connect(self._next_page)
        act["window.minimise"].triggered.connect(self.showMinimized)
        act["window.default"].triggered.connect(self.default_size)
        act["window.close"].triggered.connect(self.close)
        act["file.quit"].triggered.connect(self.close)
        act["help.shortcuts"].triggered.connect(lambda: self.shortcuts.toggle(self.groups()))
        act["help.about"].triggered.connect(self._about)
        self.addActions(act.all())

    def _toggle_theme(self) -> None:
        self.theme.toggle()
        self.session.theme = self.theme.name

    def _show_log(self, shown: bool) -> None:
        self.session.log = shown
        self.log.setVisible(shown)
        if shown:
            self.split.restore([max(1, self.split.height() - LOG_HEIGHT), LOG_HEIGHT])

    def _show_full(self, full: bool) -> None:
        if full != self.isFullScreen():
            self.showFullScreen() if full else self.showNormal()

    def _next_page(self) -> None:
        if self._title:
            self.show_page(self._titles[(self._titles.index(self._title) + 1) % len(self._titles)])

    def _about(self) -> None:
        from studio.view.about import sentence

        self.notices.tell(sentence(), key="about")


def _dragged(data: QMimeData) -> str:
    """The path of the one file or folder that is dragged, "" for anything else."""
    urls = data.urls()
    return urls[0].toLocalFile() if len(urls) == 1 else ""
