"""Help, report a problem: gather, show, and write only what was shown."""

import time
from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QObject, QStandardPaths

from studio.export.files import ExportError, replace_file
from studio.model.models import Models
from studio.model.report import Report, gather
from studio.model.tasks import spawn
from studio.view.report_dialog import ReportDialog
from studio.view.window import Window


class Reporter(QObject):
    """`open` shows the report of this moment; `logs` are files by their names in it."""

    def __init__(self, models: Models, window: Window, logs: Mapping[str, Path]) -> None:
        super().__init__(window)
        self._models, self._window, self._logs = models, window, logs
        self.dialog: ReportDialog | None = None
        window.actions_["help.report"].triggered.connect(self.open)

    def open(self) -> None:
        """Gather, and show it; one that is open comes to the front."""
        if self.dialog is not None:
            self.dialog.activateWindow()
            return
        self.dialog = dialog = ReportDialog(default_place(), self.write, self._window)
        dialog.finished.connect(self._closed)
        dialog.show()
        spawn(self._gather(dialog))

    def write(self, report: Report, path: Path) -> None:
        """Write what was shown, whole or not at all, and say so."""
        tell = self._window.notices.tell
        try:
            replace_file(path, report.packed())
        except ExportError as error:
            tell(str(error), "error", "report", [("Report again", self.open)])
            return
        tell(f"The report was written to {path}.", key="report")

    async def _gather(self, dialog: ReportDialog) -> None:
        models = self._models
        report = await gather(models.link, models.engine, models.runs.current, self._logs)
        if dialog is self.dialog:
            dialog.show_report(report)

    def _closed(self) -> None:
        self.dialog = None


def default_place() -> Path:
    """A file that is not there yet, on the desktop or at home."""
    where = QStandardPaths.StandardLocation
    found = (
        QStandardPaths.writableLocation(k) for k in (where.DesktopLocation, where.HomeLocation)
    )
    folder = next((Path(f) for f in found if f and Path(f).is_dir()), Path.cwd())
    stem = f"flowmap-report-{time.strftime('%Y%m%d-%H%M')}"
    names = (f"{stem}.zip", *(f"{stem}-{k}.zip" for k in range(2, 1000)))
    return next(folder / name for name in names if not (folder / name).exists())
