"""What the window remembers between two starts."""

from pathlib import Path

from PySide6.QtCore import QByteArray, QObject, QSettings, Signal

RECENT = 15


class Session(QObject):
    """Settings in an INI file; a missing or damaged entry is its default."""

    recent_changed = Signal()

    def __init__(self, path: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        form = QSettings.Format.IniFormat
        if path is None:
            scope = QSettings.Scope.UserScope
            self._settings = QSettings(form, scope, "Flow Map Studio", "studio")
        else:
            self._settings = QSettings(str(path), form)

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
    def model(self) -> str:
        """The model that was explored."""
        return self._text("model")

    @model.setter
    def model(self, name: str) -> None:
        self._settings.setValue("model", name)

    @property
    def run(self) -> str:
        """The run that was looked at."""
        return self._text("run")

    @run.setter
    def run(self, name: str) -> None:
        self._settings.setValue("run", name)

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
    def times(self) -> tuple[float, float]:
        """The last t and s."""
        return self._time("t", 1.0), self._time("s", 0.0)

    @times.setter
    def times(self, times: tuple[float, float]) -> None:
        self._settings.setValue("t", times[0])
        self._settings.setValue("s", times[1])

    @property
    def seed(self) -> int:
        """The last seed."""
        text = self._text("seed")
        return int(text) if text.isascii() and text.isdigit() else 0

    @seed.setter
    def seed(self, seed: int) -> None:
        self._settings.setValue("seed", seed)

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
        """Write to disk now."""
        self._settings.sync()

    def _text(self, key: str) -> str:
        value = self._settings.value(key, "")
        return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""

    def _time(self, key: str, default: float) -> float:
        try:
            value = float(str(self._settings.value(key, default)))
        except ValueError:
            return default
        return value if 0.0 <= value <= 1.0 else default
