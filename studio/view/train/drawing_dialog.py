"""The window in which a person draws a data set: the board, the brush, and the way to use it."""

import math

from PySide6.QtCore import QEvent, QObject, QSignalBlocker, QSize, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from studio.model.drawing_model import DENSITIES, RADII, DrawingModel
from studio.theme.theme import Theme
from studio.view.explore.tool import Tool
from studio.view.train.drawing_board import SIZE_STEP, DrawingBoard
from studio.view.widgets.card import label
from studio.view.widgets.chip import chip
from studio.view.widgets.tips import plain_tip

_COLUMN = 216
_PARTS = 200  # of a slider
_LEAST, _SIZE = QSize(620, 500), QSize(846, 612)
_SAID = 46  # pixels that are kept for a sentence: nothing moves when there is one
_READY = "It becomes a data set, and the form's."


class DrawingDialog(QDialog):
    """Not modal; the drawing is the model's and stays when this is closed."""

    def __init__(self, drawing: DrawingModel, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Draw points")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._drawing = drawing
        self.board = DrawingBoard(drawing, theme)
        self.brush = chip("Brush", "Draw with the left button (B)")
        self.eraser = chip("Eraser", "Wipe with the left button too (E)")
        self.size_slider = _slider("Brush size", "How wide the brush is ([ and ], or the wheel)")
        self.density = _slider("Density", "How many points a stroke leaves, for its length")
        self.mirror = QCheckBox("Mirror left and right")
        self.mirror.setToolTip("What is drawn on one side appears on the other")
        self.undo = Tool(theme, "undo-2", "Undo", drawing.undo, tip="Take the last stroke back")
        self.redo = Tool(theme, "redo-2", "Redo", drawing.redo, tip="Make the stroke again")
        self.clear = Tool(theme, "trash-2", "Clear", drawing.clear, tip="Wipe everything (Del)")
        self.count = label("", "value")
        self.name = QLineEdit(drawing.free_name())
        self.hint, self.error = label("", "small"), label("", "error")
        self.use = QPushButton("Use it")
        self._size_text, self._density_text = label("", "small"), label("", "small")
        self._refusal = ""  # what the engine said, until something changes
        self._lay_out()
        self._wire()
        self._show_brush()
        self.refresh()
        self.board.setFocus()
        parent.installEventFilter(self)

    def refresh(self) -> None:
        """Show how far the drawing is."""
        drawing, strokes = self._drawing, self._drawing.strokes
        self.count.setText(f"{strokes.count:,}")
        self.undo.setEnabled(strokes.can_undo and not drawing.busy)
        self.redo.setEnabled(strokes.can_redo and not drawing.busy)
        self.clear.setEnabled(bool(strokes.count) and not drawing.busy)
        wrong = "" if drawing.busy else drawing.name_problem(self.name.text().strip())
        missing = drawing.points_problem()
        self.error.setText(self._refusal or wrong)
        self.hint.setText(missing or _READY)
        self.error.setVisible(bool(self.error.text()))
        self.hint.setVisible(not self.error.text())
        if bool(self.name.property("invalid")) != bool(wrong):
            self.name.setProperty("invalid", bool(wrong))
            self.name.style().unpolish(self.name)
            self.name.style().polish(self.name)
        self.use.setEnabled(not (drawing.busy or wrong or missing))
        self.use.setText("Keeping it…" if drawing.busy else "Use it")
        tip = wrong or missing or "Keep it as a data set and train on it"
        self.use.setToolTip(plain_tip(tip))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """The keys of the tools, wherever nobody types."""
        match event.key():
            case Qt.Key.Key_B:
                self.brush.click()
            case Qt.Key.Key_E:
                (self.brush if self.eraser.isChecked() else self.eraser).click()
            case Qt.Key.Key_BracketLeft:
                self._drawing.set_brush(self._drawing.radius / SIZE_STEP)
            case Qt.Key.Key_BracketRight:
                self._drawing.set_brush(self._drawing.radius * SIZE_STEP)
            case Qt.Key.Key_Delete | Qt.Key.Key_Backspace:
                self._drawing.clear()
            case _:
                super().keyPressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """It goes with the page that it belongs to."""
        if event.type() == QEvent.Type.Hide and not event.spontaneous():
            self.close()
        return super().eventFilter(watched, event)

    def _wire(self) -> None:
        drawing = self._drawing
        drawing.changed.connect(self._on_changed)
        drawing.brush_changed.connect(self._show_brush)
        drawing.refused.connect(self._on_refused)
        drawing.used.connect(self._on_used)
        self.board.sized.connect(drawing.set_brush)
        self.size_slider.valueChanged.connect(lambda part: drawing.set_brush(_value(part, RADII)))
        self.density.valueChanged.connect(
            lambda part: drawing.set_brush(density=_value(part, DENSITIES))
        )
        self.mirror.toggled.connect(lambda on: drawing.set_brush(mirror=on))
        self.eraser.toggled.connect(self._choose_eraser)
        self.name.textChanged.connect(self._on_changed)
        self.use.clicked.connect(self._use)
        for keys, change in (("Undo", drawing.undo), ("Redo", drawing.redo)):
            shortcut = QShortcut(self)
            shortcut.setKeys(QKeySequence.StandardKey[keys])
            shortcut.activated.connect(change)

    def _use(self) -> None:
        self._drawing.use(self.name.text().strip())

    def _choose_eraser(self, on: bool) -> None:
        self.board.erasing = on
        self.board.update()

    def _on_changed(self) -> None:
        self._refusal = ""
        self.refresh()

    def _on_refused(self, why: str) -> None:
        self._refusal = why
        self.refresh()

    def _on_used(self, name: str) -> None:
        self.close()

    def _show_brush(self) -> None:
        drawing = self._drawing
        with QSignalBlocker(self.size_slider), QSignalBlocker(self.density):
            self.size_slider.setValue(_part(drawing.radius, RADII))
            self.density.setValue(_part(drawing.density, DENSITIES))
        with QSignalBlocker(self.mirror):
            self.mirror.setChecked(drawing.mirror)
        self._size_text.setText(f"{2 * drawing.radius:.2f} wide")
        self._density_text.setText(f"{drawing.density:.0f} a unit")

    def _lay_out(self) -> None:
        tools = QButtonGroup(self)
        chips = QHBoxLayout()
        chips.setSpacing(6)
        for mode in (self.brush, self.eraser):
            tools.addButton(mode)
            chips.addWidget(mode)
        chips.addStretch(1)
        self.brush.setChecked(True)
        edits = QHBoxLayout()
        edits.setSpacing(6)
        for tool in (self.undo, self.redo, self.clear):
            edits.addWidget(tool)
        edits.addStretch(1)
        column = QVBoxLayout()
        column.setSpacing(10)
        column.addWidget(label("Draw points", "heading"))
        column.addLayout(chips)
        column.addLayout(self._sliders())
        column.addWidget(self.mirror)
        column.addLayout(edits)
        column.addStretch(1)
        column.addLayout(self._end())
        side = QWidget()
        side.setFixedWidth(_COLUMN)
        column.setContentsMargins(0, 0, 0, 0)
        side.setLayout(column)
        row = QHBoxLayout(self)
        row.setContentsMargins(18, 18, 18, 18)
        row.setSpacing(18)
        row.addWidget(self.board, 1)
        row.addWidget(side)
        self.setMinimumSize(_LEAST)
        self.resize(_SIZE)

    def _sliders(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setVerticalSpacing(4)
        for row, (slider, text) in enumerate(
            ((self.size_slider, self._size_text), (self.density, self._density_text))
        ):
            words = label("Size" if slider is self.size_slider else "Density", "muted")
            words.setBuddy(slider)
            grid.addWidget(words, 2 * row, 0)
            grid.addWidget(text, 2 * row, 1, Qt.AlignmentFlag.AlignRight)
            grid.addWidget(slider, 2 * row + 1, 0, 1, 2)
        return grid

    def _end(self) -> QVBoxLayout:
        """The count, the name, what is in the way, and the button."""
        counted = QHBoxLayout()
        counted.setSpacing(6)
        counted.addWidget(self.count)
        counted.addWidget(label("points", "muted"), 0, Qt.AlignmentFlag.AlignBottom)
        counted.addStretch(1)
        words = label("Name", "muted")
        words.setBuddy(self.name)
        self.name.setAccessibleName("Name of the data set")
        self.name.setToolTip("What the data set is called")
        said = QWidget()
        said.setMinimumHeight(_SAID)
        lines = QVBoxLayout(said)
        lines.setContentsMargins(0, 0, 0, 0)
        for line in (self.hint, self.error):
            line.setWordWrap(True)
            lines.addWidget(line, 0, Qt.AlignmentFlag.AlignTop)
        self.use.setProperty("role", "primary")
        self.use.setDefault(True)
        column = QVBoxLayout()
        column.setSpacing(8)
        column.addLayout(counted)
        column.addWidget(words)
        column.addWidget(self.name)
        column.addWidget(said)
        column.addWidget(self.use)
        return column


def show_board(drawing: DrawingModel, theme: Theme, page: QWidget) -> DrawingDialog:
    """Open the board over its page, or bring the one that is open to the front."""
    dialog = open_board(page) or DrawingDialog(drawing, theme, page)
    dialog.show()
    dialog.activateWindow()
    return dialog


def open_board(page: QWidget) -> DrawingDialog | None:
    """The board that is open over this page, if there is one."""
    found = page.findChildren(DrawingDialog)
    return next((dialog for dialog in found if dialog.isVisible()), None)


def _slider(name: str, tip: str) -> QSlider:
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setRange(0, _PARTS)
    slider.setPageStep(_PARTS // 10)
    slider.setMinimumHeight(22)
    slider.setAccessibleName(name)
    slider.setToolTip(tip)
    return slider


def _value(part: int, ends: tuple[float, float]) -> float:
    """What a slider's place says, evenly in the logarithm."""
    return ends[0] * math.exp(math.log(ends[1] / ends[0]) * part / _PARTS)


def _part(value: float, ends: tuple[float, float]) -> int:
    return round(_PARTS * math.log(value / ends[0]) / math.log(ends[1] / ends[0]))
