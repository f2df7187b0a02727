"""What to export, and how; `accepted_choice` when the file's place is to be asked."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from studio.view.explore.exporting import LARGEST_PLOT, OFFERS, Choice
from studio.view.widgets.card import label
from studio.view.widgets.combo import Combo
from studio.view.widgets.number_box import inset

LARGEST = 8


class ExportDialog(QDialog):
    """Made for what is in sight: `kind` is images or points, `size` one picture's width."""

    accepted_choice = Signal(object)  # Choice

    def __init__(self, parent: QWidget, kind: str, index: int, last: Choice | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._offers = OFFERS[kind]
        self.what, self.format = Combo(), Combo()
        self.scale, self.annotate = QSpinBox(), QCheckBox("Write t, s, seed and model under it")
        self._note = label("", "small")
        self._note.setWordWrap(True)
        self._lay_out()
        titles = {what: title for what, (title, _) in self._offers.items()}
        if "picture" in titles:
            titles["picture"] = f"One picture of xₛ: number {index + 1}"
        chosen = last if last and last.what in titles else Choice(next(iter(titles)), "PNG")
        self.what.show_items(list(titles.items()), chosen.what)
        self.scale.setValue(chosen.scale)
        self.annotate.setChecked(chosen.annotate)
        self.what.currentIndexChanged.connect(self._on_what)
        self.format.currentIndexChanged.connect(self._on_format)
        self._on_what()

    def choice(self) -> Choice:
        """What is chosen now."""
        what, kind = self.what.key(), self.format.key()
        return Choice(what, kind, self.scale.value(), self.annotate.isChecked())  # type: ignore[arg-type]

    def _lay_out(self) -> None:
        self.what.setAccessibleName("What to export")
        self.format.setAccessibleName("Format")
        self.scale.setAccessibleName("Scale")
        self.annotate.setAccessibleName("Write the facts under the picture")
        self.scale.setRange(1, LARGEST)
        self.scale.setPrefix("× ")
        inset(self.scale)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(10)
        for title, widget in (("What", self.what), ("Format", self.format), ("Scale", self.scale)):
            name = label(title, "muted")
            name.setBuddy(widget)
            form.addRow(name, widget)
        form.addRow("", self.annotate)
        cancel, save = QPushButton("Cancel"), QPushButton("Choose the file…")
        cancel.clicked.connect(self.reject)
        save.setProperty("role", "primary")
        save.setDefault(True)
        save.clicked.connect(self._accept)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(cancel)
        buttons.addWidget(save)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 18)
        column.setSpacing(14)
        column.addWidget(label("Export", "heading"))
        column.addLayout(form)
        column.addWidget(self._note)
        column.addLayout(buttons)
        self.setMinimumWidth(440)

    def _on_what(self) -> None:
        formats = self._offers[self.what.key()][1]  # type: ignore[index]
        kept = self.format.key() if self.format.key() in formats else formats[0]
        self.format.show_items([(name, name) for name in formats], kept)
        self._on_format()

    def _on_format(self) -> None:
        kind = self.format.key()
        self.scale.setEnabled(kind == "PNG")
        self.scale.setMaximum(LARGEST_PLOT if self.what.key() == "plot" else LARGEST)
        self.annotate.setEnabled(kind == "PNG")
        self._note.setText(_NOTES[kind])

    def _accept(self) -> None:
        self.accepted_choice.emit(self.choice())
        self.accept()


_NOTES = {
    "PNG": "Pixels are enlarged, not blurred. t, s, seed, step, model and method go into the file.",
    "SVG": "Every mark as a shape, each layer a group. Where it comes from goes into the metadata.",
    "NPZ": "float32 arrays x_t and x_s, with metadata as JSON text.",
}
