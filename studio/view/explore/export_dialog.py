"""What to export, and how; `accepted_choice` when the file's place is to be asked."""

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDoubleSpinBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from engine.contract.films import FRAMES, RATES, STEPS
from engine.contract.maps import MAPS, MapKind, map_info
from studio.view.explore.export_choice import FILMS, Choice, Offer, Setting, What, settings
from studio.view.widgets.card import label
from studio.view.widgets.combo import Combo
from studio.view.widgets.number_box import inset

LARGEST = {"plot": 4, "map": 3}  # scales; of pictures 8
SIZES = (256, 384, 512, 768, 1024)
_LIST = 216  # width of what there is to choose from
_ROW, _TITLE = 30, 26  # heights in it
_LEAST = QSize(680, 588)  # room for every choice: nothing moves between two of them
_SAID = 1500  # ms that a button says what it did
_COPY = "Copy the command"


class ExportDialog(QDialog):
    """Offers what there is, shows the settings that count, and the command that does the same."""

    accepted_choice = Signal(object)  # Choice

    def __init__(
        self,
        parent: QWidget,
        offered: dict[What, Offer],
        maps: tuple[MapKind, ...],
        command: Callable[[Choice], str],
        last: Choice,
    ) -> None:
        """`maps` are the kinds that can be measured; `command` tells the line of a choice."""
        super().__init__(parent)
        self.setWindowTitle("Export")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._offers, self._command, self._last = offered, command, last
        self.what = QListWidget()
        self.map, self.format, self.side = Combo(), Combo(), Combo()
        self.scale, self.frames, self.steps = QSpinBox(), QSpinBox(), QSpinBox()
        self.fps = QDoubleSpinBox()
        self.annotate = QCheckBox("Write t, s, seed and model under it")
        self.caption = QCheckBox("Write t, s and the step under it")
        self.back = QCheckBox("And back again")
        self.line = QPlainTextEdit()
        self.copy = QPushButton(_COPY)
        self._note = label("", "small")
        self._form = QFormLayout()
        self._rows: dict[Setting, QWidget] = {
            "map": self.map,
            "format": self.format,
            "steps": self.steps,
            "frames": self.frames,
            "fps": self.fps,
            "scale": self.scale,
            "size": self.side,
            "back": self.back,
            "annotate": self.annotate,
            "caption": self.caption,
        }
        self._fill(maps)
        self._lay_out()
        self._wire()
        self._show_what()

    def choice(self) -> Choice:
        """What is chosen now."""
        kinds: dict[str, MapKind] = {info.kind: info.kind for info in MAPS}
        return Choice(
            self._what(),
            self.format.key(),  # type: ignore[arg-type]
            self.scale.value(),
            self.annotate.isChecked(),
            kinds.get(self.map.key()),
            self.frames.value(),
            self.steps.value(),
            self.fps.value(),
            int(self.side.key()),
            self.back.isChecked(),
            self.caption.isChecked(),
        )

    def choose(self, what: What) -> None:
        """Take another thing to export."""
        for row in range(self.what.count()):
            if self.what.item(row).data(Qt.ItemDataRole.UserRole) == what:
                self.what.setCurrentRow(row)

    def offered(self) -> list[What]:
        """What there is to choose from."""
        found = (self.what.item(row) for row in range(self.what.count()))
        kinds = (item.data(Qt.ItemDataRole.UserRole) for item in found)
        return [kind for kind in kinds if kind]

    def _what(self) -> What:
        item = self.what.currentItem()
        found: What = item.data(Qt.ItemDataRole.UserRole)
        return found

    def _fill(self, maps: tuple[MapKind, ...]) -> None:
        """Put in what there is, and what was chosen last."""
        section, last = "", self._last
        for what, offer in self._offers.items():
            if offer.section != section:
                section = offer.section
                self._add_title(section)
            item = QListWidgetItem(offer.title)
            item.setData(Qt.ItemDataRole.UserRole, what)
            item.setSizeHint(QSize(0, _ROW))
            self.what.addItem(item)
        self.choose(last.what if last.what in self._offers else next(iter(self._offers)))
        kind = last.map if last.map in maps else next(iter(maps), "")
        self.map.show_items([(kind, map_info(kind).title) for kind in maps], kind or "")
        sizes = sorted({*SIZES, last.size})
        self.side.show_items([(str(side), f"{side} pixels") for side in sizes], str(last.size))
        for box, low, high, value in (
            (self.scale, 1, 8, last.scale),
            (self.frames, 2, FRAMES, last.frames),
            (self.steps, 1, STEPS, last.steps),
        ):
            box.setRange(low, high)
            box.setValue(value)
        self.fps.setRange(1, max(RATES.values()))
        self.fps.setDecimals(1)
        self.fps.setValue(last.fps)
        self.annotate.setChecked(last.annotate)
        self.back.setChecked(last.back)
        self.caption.setChecked(last.caption)

    def _add_title(self, text: str) -> None:
        item = QListWidgetItem(text)
        item.setFlags(Qt.ItemFlag.NoItemFlags)
        font = item.font()
        font.setPixelSize(11)
        item.setFont(font)
        item.setForeground(self.palette().placeholderText())
        item.setTextAlignment(Qt.AlignmentFlag.AlignBottom)
        item.setSizeHint(QSize(0, _TITLE))
        self.what.addItem(item)

    def _lay_out(self) -> None:
        self.scale.setPrefix("× ")
        self.fps.setSuffix(" frames a second")
        for box in (self.scale, self.frames, self.steps, self.fps):
            inset(box)
        titles: dict[Setting, tuple[str, str, str]] = {
            "map": ("Measure", "What the map measures", "One number at every place (t, s)."),
            "format": ("Format", "Format", "What kind of file is written."),
            "steps": ("Steps", "Steps of the trajectory", "From noise to data; a frame for each."),
            "frames": ("Frames", "Number of frames", "How many places the scrub shows."),
            "fps": ("Speed", "Frames a second", "How fast the film goes."),
            "scale": ("Scale", "Scale", "Pixels are enlarged, not blurred."),
            "size": ("Size", "Size of the film", "The longer side, about."),
            "back": ("", "And back again", "The film ends where it begins."),
            "annotate": ("", "Write the facts under it", "Two lines of words under the picture."),
            "caption": ("", "Write the times under it", "A line of words under each frame."),
        }
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._form.setHorizontalSpacing(16)
        self._form.setVerticalSpacing(10)
        for setting, (title, name, tip) in titles.items():
            part = self._rows[setting]
            part.setAccessibleName(name)
            part.setToolTip(tip)
            words = label(title, "muted")
            words.setBuddy(part)
            self._form.addRow(words if title else "", part)
        row = QHBoxLayout()
        row.setSpacing(18)
        row.addWidget(self._list())
        row.addLayout(self._right(), 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 18)
        column.setSpacing(14)
        column.addWidget(label("Export", "heading"))
        column.addLayout(row, 1)
        column.addWidget(self.line)
        column.addLayout(self._buttons())
        self.setMinimumSize(_LEAST)

    def _list(self) -> QWidget:
        self.what.setAccessibleName("What to export")
        self.what.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        frame = QFrame()
        frame.setProperty("role", "popup")
        frame.setFixedWidth(_LIST)
        inside = QVBoxLayout(frame)
        inside.setContentsMargins(5, 5, 5, 5)
        inside.addWidget(self.what)
        return frame

    def _right(self) -> QVBoxLayout:
        self._note.setWordWrap(True)
        self._note.setMinimumHeight(3 * self._note.fontMetrics().height())
        self._note.setAlignment(Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout()
        column.setSpacing(12)
        column.addLayout(self._form)
        column.addStretch(1)
        column.addWidget(self._note)
        return column

    def _buttons(self) -> QHBoxLayout:
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        font.setPixelSize(11)
        self.line.setFont(font)
        self.line.setReadOnly(True)
        self.line.setTabChangesFocus(True)
        self.line.setAccessibleName("The command that makes this again")
        self.line.setMinimumHeight(4 * self.line.fontMetrics().lineSpacing() + 18)
        self.line.setMaximumHeight(self.line.minimumHeight())
        self.copy.setToolTip("Put the command that makes this again on the clipboard.")
        cancel, save = QPushButton("Cancel"), QPushButton("Choose the file…")
        cancel.clicked.connect(self.reject)
        save.setProperty("role", "primary")
        save.setDefault(True)
        save.clicked.connect(self._accept)
        buttons = QHBoxLayout()
        for button in (self.copy, None, cancel, save):
            if button is None:
                buttons.addStretch(1)
            else:
                button.setAutoDefault(button is save)
                buttons.addWidget(button)
        return buttons

    def _wire(self) -> None:
        self.what.currentItemChanged.connect(lambda new, old: self._show_what())
        self.what.itemActivated.connect(lambda item: self._accept())
        for combo in (self.map, self.format, self.side):
            combo.currentIndexChanged.connect(self._show)
        for box in (self.scale, self.frames, self.steps, self.fps):
            box.valueChanged.connect(self._show)
        for check in (self.annotate, self.back, self.caption):
            check.toggled.connect(self._show)
        self.copy.clicked.connect(self._copy)

    def _show_what(self) -> None:
        """Offer the formats of what is chosen."""
        formats = self._offers[self._what()].formats
        before = self.format.key() or self._last.format
        kept = before if before in formats else formats[0]
        self.format.show_items([(name, name) for name in formats], kept)
        self.scale.setMaximum(LARGEST.get(self._what(), 8))
        self._show()

    def _show(self) -> None:
        """Show the settings that count, and what they come to."""
        choice = self.choice()
        if choice.what in FILMS:
            self.fps.setMaximum(RATES[choice.suffix])
        shown = settings(choice.what, choice.format)
        for setting, box in self._rows.items():
            self._form.setRowVisible(box, setting in shown)
        self._note.setText(_note(choice))
        self.line.setPlainText(self._command(choice))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.line.toPlainText())
        self.copy.setText("Copied")
        QTimer.singleShot(_SAID, self.copy, lambda: self.copy.setText(_COPY))

    def _accept(self) -> None:
        self.accepted_choice.emit(self.choice())
        self.accept()


def _note(choice: Choice) -> str:
    """What comes of it, in one or two sentences."""
    beside = "The engine makes it beside everything else."
    if choice.what == "training":
        return f"A frame for each step of the run that was kept, at the held t and s. {beside}"
    if choice.what in FILMS:
        return f"{choice.seconds:.1f} seconds. {beside}"
    if choice.what == "map":
        return f"A map that stands whole under the pad is not measured again. {beside}"
    return _NOTES[choice.format]


_NOTES = {
    "PNG": "Pixels are enlarged, not blurred. t, s, seed, step, model and method go into the file.",
    "SVG": "Every mark as a shape, each layer a group. Where it comes from goes into the metadata.",
    "NPZ": "float32 arrays x_t and x_s, with metadata as JSON text.",
    "HDF5": "float32 arrays x_t and x_s; where they come from are attributes of the file.",
}
