"""Opening whatever a person names, picks or drops: runs, models, specs, data."""

import re
from pathlib import Path

import msgspec
import tomli_w
from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog

from engine.contract.errors import UserError
from engine.contract.spec_file import read_spec_file
from studio.export.files import ExportError, replace_file
from studio.model.models import Models
from studio.model.tasks import spawn
from studio.view import words
from studio.view.explore.picture_taker import SUFFIXES as PICTURES
from studio.view.window import Window

DATA = (".npz", ".npy", ".h5", ".hdf5", ".csv", ".tsv")
FILTER = (
    "All that can be opened (*.safetensors *.toml *.npz *.npy *.h5 *.csv *.tsv)"
    ";;Models (*.safetensors)"
    ";;Specs (*.toml);;Data (*.npz *.npy *.h5 *.csv *.tsv)"
)
WILL = {
    "run": "look at the run {}",
    "model": "explore the model {}",
    "spec": "read the spec {} into the form",
    "data": "import {} as a data set",
    "picture": "start from {} on Explore",
}


class Opener(QObject):
    """Opens by name or path; `explored(name)` asks for the Explore page.

    `pictured(path)` asks it to start from a picture.
    """

    explored = Signal(str)
    pictured = Signal(str)

    def __init__(self, models: Models, window: Window) -> None:
        super().__init__(window)
        self._models, self._window, self._notices = models, window, window.notices
        self._folder = str(Path.home())
        act = window.actions_
        act["file.open"].triggered.connect(lambda: self._ask(folder=False))
        act["file.open-folder"].triggered.connect(lambda: self._ask(folder=True))
        act["file.save"].triggered.connect(self._ask_spec)
        act["help.workspace"].triggered.connect(self._show_workspace)
        window.menus.recent.open = self.open
        window.menus.recent.known = lambda name: bool(self.kind(name))
        window.dropped.connect(self.open)
        window.describe_drop = self.describe

    def kind(self, name: str) -> str:
        """What `name` is: run, model, spec, data, or "" for nothing known."""
        path = Path(name)
        if self._models.runs.find(name):
            return "run"
        if name in self._models.catalogue.models:
            return "model"
        if path.is_dir():
            return ("run" if self._in_workspace(path) else "model") if _is_run(path) else "data"
        kinds = {".safetensors": "model", ".toml": "spec", **dict.fromkeys(DATA, "data")}
        kinds |= dict.fromkeys(PICTURES, "picture")
        return kinds.get(path.suffix.lower(), "") if path.is_file() else ""

    def describe(self, name: str) -> str:
        """What would happen if it were opened."""
        kind = self.kind(name)
        return f"Drop to {WILL[kind].format(Path(name).name)}." if kind else ""

    def open(self, name: str) -> None:
        """Open it, or say why not."""
        kind = self.kind(name)
        if not kind:
            self._tell(f"{name} is no run, model, spec or data that can be opened here.")
            return
        {"run": self._open_run, "model": self._open_model, "spec": self._open_spec,
         "data": self._import, "picture": self.pictured.emit}[kind](name)  # fmt: skip

    def save_spec(self, path: Path) -> None:
        """Write the form's spec as TOML, whole or not at all."""
        values = msgspec.to_builtins(self._models.form.spec)
        try:
            replace_file(path, tomli_w.dumps(values).encode())
        except ExportError as error:
            self._tell(str(error))
            return
        self._remember(str(path))

    def _open_run(self, name: str) -> None:
        run = Path(name).name
        self._window.show_page("Train")
        self._remember(run)
        spawn(self._models.runs.open(run), refused=self._tell)

    def _open_model(self, name: str) -> None:
        self._remember(name)
        self.explored.emit(name)

    def _open_spec(self, name: str) -> None:
        try:
            spec = read_spec_file(Path(name))
        except (OSError, UserError) as error:
            self._tell(f"{Path(name).name} cannot be read as a spec: {error}")
            return
        self._remember(name)
        self._models.form.set_spec(spec)
        self._window.show_page("Train")

    def _import(self, path: str) -> None:
        name = data_name(path)
        self._notices.tell(f"Importing {Path(path).name} as “{name}” …", key="import")
        spawn(self._import_as(path, name), refused=self._import_failed)

    async def _import_as(self, path: str, name: str) -> None:
        answer = await self._models.catalogue.import_data(path, name)
        data, skipped = answer.data, answer.skipped
        thing = "point" if data.kind == "points" else "picture"
        text = f"“{data.title}” was imported: {words.plural(data.count, thing)}."
        if skipped:
            text += (
                f" {words.plural(len(skipped), 'file was', 'files were')} left out; see the log."
            )
            for line in skipped:
                self._models.engine.note("warning", f"Left out of {name}: {line}")
        for line in answer.notes:
            self._models.engine.note("info", f"{name}: {line}")
        use = ("Train on it", lambda: self._use(data.name))
        self._notices.tell(text, key="import", answers=[use])

    def _use(self, name: str) -> None:
        self._models.form.set("data.name", name)
        self._window.show_page("Train")

    def _import_failed(self, why: str) -> None:
        self._notices.tell(why, "error", "import")

    def _ask(self, folder: bool) -> None:
        dialog = QFileDialog(self._window, "Open", self._folder, "" if folder else FILTER)
        mode = QFileDialog.FileMode
        dialog.setFileMode(mode.Directory if folder else mode.ExistingFile)
        dialog.fileSelected.connect(self._picked)
        self._show(dialog)

    def _ask_spec(self) -> None:
        dialog = QFileDialog(self._window, "Save spec", self._folder, "Specs (*.toml)")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("toml")
        dialog.selectFile(f"{self._models.form.preset_name or 'run'}.toml")
        dialog.fileSelected.connect(lambda path: self.save_spec(Path(path)))
        self._show(dialog)

    def _show(self, dialog: QFileDialog) -> None:
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _picked(self, path: str) -> None:
        self._folder = str(Path(path).parent)
        self.open(path)

    def _show_workspace(self) -> None:
        hello = self._models.engine.hello
        if hello and hello.workspace:
            QDesktopServices.openUrl(QUrl.fromLocalFile(hello.workspace))

    def _in_workspace(self, path: Path) -> bool:
        hello = self._models.engine.hello
        if hello is None or not hello.workspace:
            return False
        return path.resolve().parent == (Path(hello.workspace) / "runs").resolve()

    def _remember(self, name: str) -> None:
        self._models.session.add_recent(name)

    def _tell(self, sentence: str) -> None:
        self._notices.tell(sentence, "error", "open")


def data_name(path: str) -> str:
    """A data set's name from a path: small letters, figures and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", Path(path).stem.lower()).strip("-") or "data"


def _is_run(path: Path) -> bool:
    return (path / "spec.toml").is_file()
