"""What the window remembers between two starts."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QByteArray, QObject, QSettings, Signal

from engine.contract.files import replace, write_whole

if TYPE_CHECKING:  # it brings numpy in, which the window does not wait for
    from studio.model.view import View

RECENT = 15
_LARGEST = 1 << 20  # bytes of a view: what is larger is none


class Session(QObject):
    """Settings in an INI file; a missing or damaged entry is its default.

    What was looked at on Explore lies beside it as JSON. A file that cannot be read is put aside,
    as `NAME.damaged`, and all begins anew.
    """

    recent_changed = Signal()

    def __init__(self, path: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = _settings(path)
        self._settings.allKeys()  # the status is that of what was read
        if self._settings.status() == QSettings.Status.FormatError:
            _put_aside(Path(self._settings.fileName()))
            self._settings = _settings(path)
        self._view_file = Path(self._settings.fileName()).with_suffix(".explore.json")
        self._view: View | None = None
        self._kept = self._read = False

    @property
    def page(self) -> str:
        """Title of the page that was open."""
        return self._text("page")

    @page.setter
    def page(self, title: str) -> None:
        self._settings.setValue("page", title)

    @property
    def theme(self) -> str:
        """Name of the theme, "" for the system's."""
        return self._text("theme")

    @theme.setter
    def theme(self, name: str) -> None:
        self._settings.setValue("theme", name)

    @property
    def view(self) -> "View | None":
        """What was looked at on the page Explore, None at the first start."""
        if not self._read:
            self._view, self._kept, self._read = self._read_view(), True, True
        return self._view

    @view.setter
    def view(self, view: "View") -> None:
        if view != self.view:
            self._view, self._kept = view, False

    @property
    def run(self) -> str:
        """The run that was looked at."""
        return self._text("run")

    @run.setter
    def run(self, name: str) -> None:
        self._settings.setValue("run", name)

    @property
    def kept(self) -> list[str]:
        """Runs that were left to train on without a window."""
        return [name for name in self._text("kept").split("/") if name]

    @kept.setter
    def kept(self, names: list[str]) -> None:
        self._settings.setValue("kept", "/".join(names))

    @property
    def geometry(self) -> bytes:
        """The window's geometry as Qt saved it."""
        value = self._settings.value("geometry")
        return bytes(value.data()) if isinstance(value, QByteArray) else b""

    @geometry.setter
    def geometry(self, value: bytes) -> None:
        self._settings.setValue("geometry", QByteArray(value))

    @property
    def advanced(self) -> bool:
        """Whether the form shows every field."""
        return self._text("advanced") == "true"

    @advanced.setter
    def advanced(self, shown: bool) -> None:
        self._settings.setValue("advanced", "true" if shown else "false")

    @property
    def log(self) -> bool:
        """Whether the log is in sight."""
        return self._text("log") == "true"

    @log.setter
    def log(self, shown: bool) -> None:
        self._settings.setValue("log", "true" if shown else "false")

    def sizes(self, split: str) -> list[int]:
        """How large the parts of a splitter were, [] where nobody moved it."""
        parts = self._text(f"split/{split}").split(" ")
        return [int(part) for part in parts if part.isascii() and part.isdigit() and len(part) < 6]

    def keep_sizes(self, split: str, sizes: list[int]) -> None:
        """Remember how large the parts of a splitter are, in pixels."""
        self._settings.setValue(f"split/{split}", " ".join(map(str, sizes)))

    @property
    def recent(self) -> list[str]:
        """Runs, models and files that were opened, newest first."""
        value = self._settings.value("recent", [])
        values = [value] if isinstance(value, str) else value  # Qt reads a list of one as text
        return [v for v in values if isinstance(v, str) and v] if isinstance(values, list) else []

    def add_recent(self, name: str) -> None:
        """Put a name on top of the recent list."""
        others = [n for n in self.recent if n != name]
        self._settings.setValue("recent", [name, *others][:RECENT])
        self.recent_changed.emit()

    def clear_recent(self) -> None:
        """Forget the recent list."""
        self._settings.remove("recent")
        self.recent_changed.emit()

    def save(self) -> None:
        """Write to disk now; a disk that refuses is asked again the next time."""
        self._settings.sync()
        if not self._kept and self._view is not None:
            with contextlib.suppress(OSError):
                self._view_file.parent.mkdir(parents=True, exist_ok=True)
                # Not waited for: a power cut may cost the last view, a slow disk never a frame.
                write_whole(self._view_file, msgspec.json.encode(self._view), durable=False)
                self._kept = True

    def _read_view(self) -> "View | None":
        try:
            with open(self._view_file, "rb") as file:
                content = file.read(_LARGEST + 1)
            if len(content) > _LARGEST:
                raise msgspec.DecodeError
            from studio.model.view import View

            return msgspec.json.decode(content, type=View)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            _put_aside(self._view_file)
        except OSError:
            pass  # there is none, or it is not ours to read
        return None

    def _text(self, key: str) -> str:
        value = self._settings.value(key, "")
        return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""


def _settings(path: Path | None) -> QSettings:
    form = QSettings.Format.IniFormat
    if path is not None:
        return QSettings(str(path), form)
    return QSettings(form, QSettings.Scope.UserScope, "Flow Map Studio", "studio")


def _put_aside(file: Path) -> None:
    """Keep a file that cannot be read where it harms nothing."""
    with contextlib.suppress(OSError):
        replace(file, file.with_name(f"{file.name}.damaged"))
