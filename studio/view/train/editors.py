"""What a field is edited with, by its kind."""

from PySide6.QtCore import QEvent, QObject, QSignalBlocker, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QPaintEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from engine.contract.schema import Field
from studio.model.catalogue_model import CatalogueModel
from studio.theme.theme import Theme
from studio.view.widgets.combo import Combo
from studio.view.widgets.number_box import NumberBox, plain, written
from studio.view.widgets.switch import Switch
from studio.view.widgets.unit import Unit

NETWORKS = {"mlp": "MLP", "unet": "U-Net", "dit": "DiT"}


class Editor(QObject):
    """One widget for one field: `edited(value or text)` by a person, `left` when they go on."""

    edited = Signal(object)
    left = Signal()

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.widget = widget

    def show_field(self, field: Field, bad: str | None) -> None:
        """Show the field's value, or the bad text that stands in its place."""
        raise NotImplementedError


class NumberEditor(Editor):
    """A number or a whole number."""

    def __init__(self, field: Field) -> None:
        self.box = NumberBox(
            whole=field.kind == "integer",
            low=field.low,
            high=field.high,
            logarithmic=field.logarithmic,
            unit=field.unit,
        )
        super().__init__(self.box)
        self.box.lineEdit().installEventFilter(self)
        self.box.edited.connect(self.edited.emit)
        self.box.left.connect(self.left)

    def show_field(self, field: Field, bad: str | None) -> None:
        """Rewrite the text only where it says something else, or when nobody types in it."""
        if bad is not None:
            self.box.show_text(bad)
        elif self.box.value() != field.value or not self.box.hasFocus():
            self.box.show_value(field.value)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Leave undo and redo to the form."""
        return leaves_undo(event) or super().eventFilter(watched, event)


class UnitEdit(QLineEdit):
    """A line edit with a unit at its right end."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = Unit(self, unit)
        self.setTextMargins(0, 0, self._unit.width, 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The edit and the unit."""
        super().paintEvent(event)
        self._unit.paint(self.rect().adjusted(0, 0, -4, 0))


class TextEditor(Editor):
    """A text, or numbers with commas between them."""

    def __init__(self, field: Field) -> None:
        self.line = UnitEdit(field.unit)
        self.line.setPlaceholderText(field.empty)
        super().__init__(self.line)
        self.line.installEventFilter(self)
        self.line.textEdited.connect(self.edited.emit)
        self.line.editingFinished.connect(self.left)

    def show_field(self, field: Field, bad: str | None) -> None:
        """As above."""
        text = bad
        if text is None and field.kind == "numbers":
            text = ", ".join(written(value) for value in field.value)
        shown = str(field.value) if text is None else text
        if not self.line.hasFocus() or _bare(shown) != _bare(self.line.text()):
            self.line.setText(shown)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Leave undo and redo to the form."""
        return leaves_undo(event) or super().eventFilter(watched, event)


class SwitchEditor(Editor):
    """On or off."""

    def __init__(self, theme: Theme) -> None:
        self.switch = Switch(theme)
        super().__init__(self.switch)
        self.switch.toggled.connect(self.edited.emit)

    def show_field(self, field: Field, bad: str | None) -> None:
        """Show without telling."""
        with QSignalBlocker(self.switch):
            self.switch.setChecked(bool(field.value))
        self.switch.update()


class ChoiceEditor(Editor):
    """One of several."""

    def __init__(self, catalogue: CatalogueModel) -> None:
        self.combo = Combo()
        super().__init__(self.combo)
        self._catalogue = catalogue
        self.combo.activated.connect(lambda: self.edited.emit(self.combo.key()))

    def show_field(self, field: Field, bad: str | None) -> None:
        """The choices by their titles."""
        items = [(c, self._title(field.key, c)) for c in field.choices]
        self.combo.show_items(items, str(field.value))

    def _title(self, key: str, choice: str) -> str:
        if key == "data.name":
            data = self._catalogue.data_set(choice)
            return data.title if data else choice
        if key == "method":
            method = self._catalogue.method(choice)
            return method.title if method else choice
        return NETWORKS.get(choice, choice) if key == "network" else choice


def make_editor(field: Field, theme: Theme, catalogue: CatalogueModel) -> Editor:
    """The editor for a field's kind."""
    match field.kind:
        case "number" | "integer":
            return NumberEditor(field)
        case "switch":
            return SwitchEditor(theme)
        case "choice":
            return ChoiceEditor(catalogue)
        case _:
            return TextEditor(field)


def leaves_undo(event: QEvent) -> bool:
    """Whether this is the undo or redo key, which a line edit would keep for itself."""
    if event.type() != QEvent.Type.ShortcutOverride or not isinstance(event, QKeyEvent):
        return False
    if event.matches(QKeySequence.StandardKey.Undo) or event.matches(QKeySequence.StandardKey.Redo):
        event.ignore()
        return True
    return False


def _bare(text: str) -> str:
    return "".join(plain(text).split())
