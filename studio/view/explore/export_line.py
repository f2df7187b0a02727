"""A line in the page's bar while the engine makes a file: how far it is, and a way to end it."""

from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from studio.model.export_model import ExportModel
from studio.theme.theme import Theme
from studio.view.explore.line import Line
from studio.view.explore.tool import Tool

_WORDS, _BAR = 210, 96  # widths


class ExportLine(QWidget):
    """Hidden while nothing is made; it moves nothing when it comes and goes."""

    def __init__(self, exports: ExportModel, theme: Theme) -> None:
        super().__init__()
        self._exports = exports
        self.text, self.bar = Line("Export", theme), QProgressBar()
        self.text.setFixedWidth(_WORDS)
        self.bar.setFixedWidth(_BAR)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress of the export")
        tip = "Give this export up; nothing is written."
        self.cancel = Tool(theme, "x", "Cancel the export", exports.cancel, tip=tip, colour="muted")
        self.cancel.setProperty("role", "quiet")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        for part in (self.text, self.bar, self.cancel):
            row.addWidget(part)
        exports.changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        exports = self._exports
        self.setVisible(exports.now is not None)
        if exports.now is None:
            return
        waiting = f" (+{exports.waiting})" if exports.waiting else ""
        word = "Giving up" if exports.cancelled else "Making"
        self.text.set_text(f"{word} {exports.now.name}{waiting}")
        known = exports.share >= 0
        self.bar.setRange(0, 1000 if known else 0)
        if known:
            self.bar.setValue(round(1000 * exports.share))
        self.cancel.setEnabled(not exports.cancelled)
