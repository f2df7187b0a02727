"""The choice of a run: a list of thousands of which only the rows in sight are put into words."""

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from engine.contract.messages import RunInfo
from studio.model.runs_model import RunsModel
from studio.view import words
from studio.view.widgets.combo import Combo

MEASURED = 60  # titles that the width of the open list is taken from, the newest ones
Index = QModelIndex | QPersistentModelIndex


class RunsList(QAbstractListModel):
    """The runs as rows, newest first; `refresh` after they have changed."""

    def __init__(self, runs: RunsModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model = runs
        self._runs: list[RunInfo] = []
        self._rows: dict[str, int] = {}

    def refresh(self) -> None:
        """Show the runs as they stand."""
        runs = list(self._model.runs)
        rows = {run.name: row for row, run in enumerate(runs)}
        if rows == self._rows:
            changed = [k for k, run in enumerate(runs) if run is not self._runs[k]]
            self._runs = runs
            if changed:
                self.dataChanged.emit(self.index(changed[0]), self.index(changed[-1]))
        else:
            self.beginResetModel()
            self._runs, self._rows = runs, rows
            self.endResetModel()

    def row(self, name: str) -> int:
        """The row of a run, -1 where there is none."""
        return self._rows.get(name, -1)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """How many runs there are."""
        return 0 if parent.isValid() else len(self._runs)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """A run in words, or its name."""
        if not 0 <= index.row() < len(self._runs):
            return None
        run = self._runs[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return f"{run.name} · {state(run)}"
        return run.name if role == Qt.ItemDataRole.UserRole else None


class RunPicker(Combo):
    """A combo box of the runs; `key()` is the name of the chosen one."""

    def __init__(self, runs: RunsModel) -> None:
        super().__init__()
        self.runs = RunsList(runs, self)
        self.setModel(self.runs)
        self.view().setUniformItemSizes(True)  # type: ignore[attr-defined]
        self.shorten(str)

    def show_runs(self, name: str) -> None:
        """Show the runs as they stand, with one chosen, without telling anybody."""
        before = self.blockSignals(True)
        self.runs.refresh()
        self.setCurrentIndex(self.runs.row(name))
        self.blockSignals(before)

    def widest(self) -> int:
        """Pixels of the longest of the newest titles."""
        metrics = self.fontMetrics()
        rows = range(min(MEASURED, self.count()))
        return max((metrics.horizontalAdvance(self.itemText(k)) for k in rows), default=0)


def state(run: RunInfo) -> str:
    """How a run stands, and where it stopped."""
    at = f" at {run.step:,}" if run.state in ("stopped", "failed") else ""
    return words.STATES[run.state] + at
