"""A seed that may lie between two: a box, and its name, which can be dragged."""

from collections.abc import Callable

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QDoubleSpinBox, QLabel

from studio.model.sources import SEEDS
from studio.view.explore.time_row import without_buttons

FINE = 0.01  # with Shift, and for each pixel that the name is dragged
_TIP = "3.25 lies between the noises of 3 and 4. Shift+wheel, Shift+↑↓ or dragging “Seed”: 0.01."


class SeedBox(QDoubleSpinBox):
    """Up, Down and the wheel step to the next seed, with Shift by a hundredth."""

    def __init__(self, chosen: Callable[[float], None]) -> None:
        super().__init__()
        self.setRange(0, SEEDS)
        self.setDecimals(2)
        self.setKeyboardTracking(False)
        self.setMinimumWidth(64)
        self.setGroupSeparatorShown(True)
        self.setAccessibleName("Seed")
        self.setToolTip(_TIP)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.valueChanged.connect(chosen)
        without_buttons(self)

    def show_seed(self, seed: float) -> None:
        """Show what the model holds, without handing it back."""
        with QSignalBlocker(self):
            self.setValue(seed)

    def textFromValue(self, value: float) -> str:
        """A whole seed has no decimals."""
        return f"{value:,.2f}".rstrip("0").rstrip(".") if value % 1 else f"{value:,.0f}"

    def valueFromText(self, text: str) -> float:
        """As it is written, with or without separators."""
        try:
            return float(text.replace(",", ""))
        except ValueError:
            return self.value()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Shift makes a step fine."""
        ways = {Qt.Key.Key_Up: FINE, Qt.Key.Key_Down: -FINE}
        way = ways.get(Qt.Key(event.key()))
        if way is None or not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            super().keyPressEvent(event)
            return
        self.setValue(self.value() + way)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """A notch is one seed, with Shift a hundredth; without the focus the card scrolls."""
        turn = event.angleDelta().y() or event.angleDelta().x()  # Shift may turn the wheel sideways
        fine = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        if not fine and not self.hasFocus():
            event.ignore()
            return
        self.setValue(self.value() + turn / 120 * (FINE if fine else 1.0))
        event.accept()


class SeedName(QLabel):
    """The word before the box: dragged sideways it moves the seed finely."""

    def __init__(self, box: SeedBox) -> None:
        super().__init__("Seed")
        self.setProperty("role", "muted")
        self.setCursor(Qt.CursorShape.SizeHorCursor)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setToolTip(_TIP)
        self._box = box
        self._held = (0.0, 0.0)  # where it was taken, and the seed then

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold."""
        self._held = (event.position().x(), self._box.value())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """A pixel is a hundredth."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            start, seed = self._held
            self._box.setValue(seed + FINE * (event.position().x() - start))
