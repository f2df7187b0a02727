"""Every command of the window, registered once: menus, buttons and the shortcut list use these."""

from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence

from studio.theme.theme import Theme

Keys = QKeySequence.StandardKey


@dataclass(frozen=True)
class Command:
    """One command; `id` is `menu.name`, `keys` a standard key or its text."""

    id: str
    text: str
    keys: Keys | str = ""
    icon: str = ""
    tip: str = ""
    checkable: bool = False
    ready: bool = True  # whether it makes sense before the engine has answered
    short: str = ""  # on a button

    @property
    def menu(self) -> str:
        """The menu it lies in."""
        return self.id.partition(".")[0]


COMMANDS = (
    Command("file.new", "&New run", Keys.New, "file-plus", "Start over from the preset"),
    Command("file.open", "&Open…", Keys.Open, "folder-open", "A model, a spec, data: any file"),
    Command("file.open-folder", "Open &folder…", "Ctrl+Shift+O", "folder", "A run, or pictures"),
    Command("file.save", "&Save spec as…", Keys.Save, "download", "The form as a TOML file"),
    Command("file.quit", "&Quit", "Ctrl+Q", "log-out"),
    Command("edit.undo", "&Undo", Keys.Undo, "undo-2", "Take the last change back"),
    Command("edit.redo", "&Redo", Keys.Redo, "redo-2", "Make the change again"),
    Command("edit.preset", "Back to the &preset", "", "rotate-ccw", "Undo every change at once"),
    Command("run.start", "&Start training", "Ctrl+Return", "play", ready=False),
    Command("run.queue", "&Queue", "Ctrl+Shift+Return", "queue",
            "Train it as it is now, when its turn comes", ready=False),
    Command("run.try", "&Test one step", "Ctrl+T", "activity",
            "Measure memory, speed and time before starting", ready=False),
    Command("run.pause", "&Pause", "Ctrl+P", "pause", "Pause, or go on", ready=False),
    Command("run.stop", "S&top and save", "Ctrl+.", "square", ready=False, short="Stop"),
    Command("run.kill", "&Kill", "", "x", "End its process now; what is not saved is lost",
            ready=False),
    Command("run.resume", "&Resume", "Ctrl+R", "step-forward", "Go on with it", ready=False),
    Command("run.later", "Queue to resu&me", "Ctrl+Shift+R", "queue",
            "Go on with it when its turn comes", ready=False),
    Command("run.smaller", "Go on with half the &learning rate", "", "step-forward",
            "From its last good checkpoint, as the engine advises", ready=False),
    Command("run.again", "Run again with &changes", "Ctrl+D", "copy",
            "Put its settings into the form", ready=False),
    Command("run.save", "Save &now", "Ctrl+Shift+S", "save", "Seal a checkpoint", ready=False,
            short="Save"),
    Command("run.sample", "S&ample now", Keys.Refresh, "image", "Draw a preview", ready=False,
            short="Sample"),
    Command("run.verify", "&Verify", "", "check",
            "Train its newest stretch anew, elsewhere, and compare every number", ready=False),
    Command("run.hold", "&Hold the queue", "", "pause",
            "Begin nothing new; what is trained goes on", checkable=True, ready=False),
    Command("view.theme", "Dark or light &theme", "Ctrl+Shift+T", "sun-moon"),
    Command("view.log", "&Log", "Ctrl+L", "terminal", checkable=True),
    Command("view.advanced", "&Advanced fields", "Ctrl+Shift+A", "sliders-horizontal",
            checkable=True),
    Command("view.full", "&Full screen", Keys.FullScreen, "maximize", checkable=True),
    Command("window.next", "&Next page", "Ctrl+Tab"),
    Command("window.minimise", "&Minimise", "Ctrl+M", "minus"),
    Command("window.default", "&Default size", "", "maximize"),
    Command("window.close", "&Close", Keys.Close, "x"),
    Command("help.shortcuts", "&Shortcuts", "F1", "keyboard"),
    Command("help.engine", "How to &get the engine", "", "package"),
    Command("help.workspace", "Open the &workspace folder", "", "external-link"),
    Command("help.report", "&Report a problem…", "", "clipboard-copy",
            "Versions and logs in a zip, without private paths"),
    Command("help.about", "&About", "", "info"),
)  # fmt: skip


class Actions(QObject):
    """The commands as QActions by id; their icons follow the theme."""

    def __init__(self, theme: Theme, parent: QObject) -> None:
        super().__init__(parent)
        self._theme = theme
        self._actions = {c.id: self._make(c) for c in COMMANDS}
        self["help.shortcuts"].setShortcuts([QKeySequence("F1"), QKeySequence("Shift+?")])
        theme.changed.connect(self._dress)
        self._dress()

    def __getitem__(self, id: str) -> QAction:
        return self._actions[id]

    def of(self, menu: str) -> list[QAction]:
        """The actions of one menu, in order."""
        return [self[c.id] for c in COMMANDS if c.menu == menu]

    def all(self) -> list[QAction]:
        """All actions, in the order of the menus."""
        return [self[c.id] for c in COMMANDS]

    def _make(self, command: Command) -> QAction:
        action = QAction(command.text, self)
        action.setObjectName(command.id)
        if isinstance(command.keys, Keys):
            action.setShortcuts(command.keys)
        else:
            action.setShortcut(QKeySequence(command.keys))
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        action.setIconText(command.short or bare(command.text))
        action.setCheckable(command.checkable)
        action.setEnabled(command.ready)
        keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        tip = command.tip or bare(command.text)
        action.setToolTip(f"{tip} ({keys})" if keys else tip)
        return action

    def _dress(self) -> None:
        """Draw the icons in the theme's colours."""
        for command in COMMANDS:
            if command.icon:
                self[command.id].setIcon(self._theme.icon(command.icon, "muted"))


def spaced(text: str) -> str:
    """A button's words beside its icon; the style sheet knows no gap between them."""
    return f" {text}"


def bare(text: str) -> str:
    """An action's text without its mnemonic and its dots."""
    return text.replace("&", "").rstrip("…")
