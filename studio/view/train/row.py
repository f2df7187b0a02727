"""A row of the form: label, editor, and under them what helps or what is wrong."""

from textwrap import fill

from PySide6.QtCore import QEvent, QObject, QSize, Qt, QTimer, Signal
from PySide6.QtWidgets import QApplication, QGridLayout, QToolButton, QWidget

from engine.contract.schema import Field
from studio.theme.theme import Theme
from studio.view.train.editors import Editor
from studio.view.widgets.card import label
from studio.view.widgets.number_box import written
from studio.view.widgets.switch import Switch

LABEL_WIDTH = 128
RESET_WIDTH = 20
NOWHERE = Qt.AlignmentFlag(0)  # fills its cell


class Row(QWidget):
    """Shows one field; what a person does with it comes out as signals."""

    edited = Signal(str, object)
    left = Signal()
    reset_wanted = Signal(str)
    grown = Signal(object)  # the row, when a line under it came into sight

    def __init__(self, field: Field, editor: Editor, theme: Theme) -> None:
        super().__init__()
        self.key, self.editor, self._theme = field.key, editor, theme
        self.label = label(field.label)
        self.label.setWordWrap(True)
        self.label.setFixedWidth(LABEL_WIDTH)
        self.label.setBuddy(editor.widget)
        self.help = label("", "small")
        self.error = label("", "error")
        for line in (self.help, self.error):
            line.setWordWrap(True)
            line.hide()
        self.reset = QToolButton()
        self._lay_out()
        editor.widget.setAccessibleName(field.label)
        editor.widget.installEventFilter(self)
        editor.edited.connect(lambda value: self.edited.emit(self.key, value))
        editor.left.connect(self.left)
        self._asked = QTimer(self, interval=60, singleShot=True)
        self._asked.timeout.connect(self._show_help)
        theme.changed.connect(self._dress)
        self._dress()

    def show_field(self, field: Field, bad: str | None, problem: str) -> None:
        """Show the field as it is now, with the problem that is about it."""
        self.editor.show_field(field, bad)
        text = explain(field)
        self.help.setText(text)
        self.editor.widget.setAccessibleDescription(problem or text)
        self.editor.widget.setToolTip(fill(f"{field.label}: {text}", 64))
        self.label.setToolTip(self.editor.widget.toolTip())
        self.reset.setVisible(field.default is not None and field.value != field.default)
        self._show_problem(problem)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Help comes with the focus and goes with it."""
        if event.type() == QEvent.Type.FocusIn:
            self._asked.start()
        elif event.type() == QEvent.Type.FocusOut:
            self._asked.stop()
            self.help.hide()
        return super().eventFilter(watched, event)

    def _show_help(self) -> None:
        """Not before the mouse button is up: nothing may move under a click."""
        if QApplication.mouseButtons() != Qt.MouseButton.NoButton:
            self._asked.start()
        else:
            self.help.setVisible(self.error.isHidden())
            self.grown.emit(self)

    def _show_problem(self, problem: str) -> None:
        self.error.setText(problem)
        self.error.setVisible(bool(problem))
        if problem:
            self.help.hide()
        widget = self.editor.widget
        if bool(widget.property("invalid")) != bool(problem):
            widget.setProperty("invalid", bool(problem))
            widget.style().unpolish(widget)
            widget.style().polish(widget)

    def _lay_out(self) -> None:
        self.reset.setProperty("role", "inline")
        self.reset.setFixedSize(RESET_WIDTH, 24)
        self.reset.setIconSize(QSize(13, 13))
        self.reset.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the keyboard has Undo
        self.reset.setToolTip("Back to the preset's value")
        self.reset.setAccessibleName(f"Reset {self.label.text()}")
        self.reset.clicked.connect(lambda: self.reset_wanted.emit(self.key))
        keeps = self.reset.sizePolicy()
        keeps.setRetainSizeWhenHidden(True)
        self.reset.setSizePolicy(keeps)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(4)
        grid.setVerticalSpacing(3)
        grid.setColumnStretch(2, 1)
        grid.addWidget(self.label, 0, 0)
        grid.addWidget(self.reset, 0, 1)
        widget = self.editor.widget
        narrow = isinstance(widget, Switch)
        grid.addWidget(widget, 0, 2, Qt.AlignmentFlag.AlignLeft if narrow else NOWHERE)
        grid.addWidget(self.help, 1, 0, 1, 3)
        grid.addWidget(self.error, 2, 0, 1, 3)

    def _dress(self) -> None:
        self.reset.setIcon(self._theme.icon("rotate-ccw", "accent"))


def explain(field: Field) -> str:
    """The field's help with its range and what it was."""
    parts = [field.help]
    if field.low is not None and field.high is not None:
        whole = field.kind == "integer"
        unit = f" {field.unit}" if field.unit else ""
        parts.append(f"{written(field.low, whole)} to {written(field.high, whole)}{unit}.")
    return " ".join(parts)
