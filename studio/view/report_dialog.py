"""The window in which a person reads a report before it is written."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from studio.model.report import Report
from studio.view import words
from studio.view.widgets.card import label

SIZE, LIST = QSize(860, 560), 190
WAITING = "Gathering what this report would hold …"
PROMISE = (
    "This is all that would be written, and only to the place below: nothing is sent anywhere. "
    "Folders, your name and this machine's were replaced by words in angle brackets."
)


class ReportDialog(QDialog):
    """Not modal. `write(report, path)` is called when a person agrees."""

    def __init__(self, place: Path, write: Callable[[Report, Path], object], parent: QWidget):
        super().__init__(parent)
        self.setWindowTitle("Report a problem")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(SIZE)
        self._write = write
        self._report: Report | None = None
        self.about = label(WAITING, "muted")
        self.about.setWordWrap(True)
        self.names = QListWidget()
        self.text = QPlainTextEdit()
        self.place = QLineEdit(str(place))
        self.choose = QPushButton("Choose…")
        self.save = QPushButton("Write the report")
        self.cancel = QPushButton("Cancel")
        self._lay_out()
        self.names.currentRowChanged.connect(self._show_file)
        self.choose.clicked.connect(self._ask)
        self.save.clicked.connect(self._agree)
        self.cancel.clicked.connect(self.close)

    def show_report(self, report: Report) -> None:
        """Show what would be written."""
        self._report = report
        self.about.setText(PROMISE)
        for name, text in report.files.items():
            self.names.addItem(f"{name}   {words.size(len(text.encode('utf-8', 'replace')))}")
        self.names.setCurrentRow(0)
        self.save.setEnabled(True)
        self.save.setFocus()

    def _show_file(self, row: int) -> None:
        if self._report is not None and row >= 0:
            self.text.setPlainText([*self._report.files.values()][row])

    def _ask(self) -> None:
        dialog = QFileDialog(self, "Write the report", self.place.text(), "Reports (*.zip)")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("zip")
        dialog.selectFile(self.place.text())
        dialog.fileSelected.connect(self.place.setText)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _agree(self) -> None:
        if self._report is not None:
            self._write(self._report, Path(self.place.text()).expanduser().absolute())
            self.close()

    def _lay_out(self) -> None:
        self.names.setAccessibleName("Files of the report")
        self.names.setFixedWidth(LIST)
        self.names.setProperty("role", "list")
        self.text.setReadOnly(True)
        self.text.setAccessibleName("What this file says")
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.place.setAccessibleName("Where it is written")
        self.place.setToolTip("Where the report is written")
        self.choose.setToolTip("Choose another place")
        self.save.setToolTip("Write the zip that is shown here")
        self.save.setProperty("role", "primary")
        self.save.setEnabled(False)
        middle = QHBoxLayout()
        middle.setSpacing(10)
        middle.addWidget(self.names)
        middle.addWidget(self.text, 1)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        for part in (self.place, self.choose, self.cancel, self.save):
            foot.addWidget(part)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(10)
        column.addWidget(self.about)
        column.addLayout(middle, 1)
        column.addLayout(foot)
