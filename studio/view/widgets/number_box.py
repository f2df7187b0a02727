"""A number that is typed as one thinks it: 2e-3, 50 000, 0.25."""

import math
import re

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPaintEvent, QValidator, QWheelEvent
from PySide6.QtWidgets import QAbstractSpinBox, QLineEdit, QWidget

from studio.view.widgets.unit import Unit

_GAPS = re.compile(r"(?<=\d)[\s_',\u2009\u202f](?=\d{3}(?!\d))")
_MANTISSAS = (1.0, 2.0, 5.0, 10.0)
ARROWS = 24  # pixels at the right that the two arrows take


class NumberBox(QAbstractSpinBox):
    """Takes any text and says so by `edited(text)`; whether it is a value is for others to judge.

    Arrows and Up/Down keys step: by 1-2-5 where `logarithmic` or the range is wide, else evenly.
    """

    edited = Signal(str)
    left = Signal()

    def __init__(
        self,
        *,
        whole: bool = False,
        low: float | None = None,
        high: float | None = None,
        logarithmic: bool = False,
        unit: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._whole, self._logarithmic = whole, logarithmic
        self._low = -math.inf if low is None else low
        self._high = math.inf if high is None else high
        self._unit = Unit(self, unit)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        inset(self, right=self._unit.width)
        self.lineEdit().textEdited.connect(lambda text: self.edited.emit(plain(text)))
        self.editingFinished.connect(self.left)

    def show_value(self, value: float) -> None:
        """Show a value, written the short way."""
        self.lineEdit().setText(written(value, self._whole))

    def show_text(self, text: str) -> None:
        """Show a text as it is."""
        if text != plain(self.text()):
            self.lineEdit().setText(text)

    def value(self) -> float | None:
        """The number in the box, None where its text is none."""
        try:
            return float(plain(self.text()))
        except ValueError:
            return None

    def stepBy(self, steps: int) -> None:
        """Step from the value in the box, within its range."""
        value = self.value()
        if value is None:
            return
        for _ in range(abs(steps)):
            value = self._stepped(value, 1 if steps > 0 else -1)
        self.show_value(min(max(value, self._low), self._high))
        self.edited.emit(plain(self.text()))

    def stepEnabled(self) -> QAbstractSpinBox.StepEnabledFlag:
        """Both ways, while the box holds a number inside its range."""
        flag, value = QAbstractSpinBox.StepEnabledFlag, self.value()
        found = flag.StepNone
        if value is not None and value < self._high:
            found |= flag.StepUpEnabled
        if value is not None and value > self._low:
            found |= flag.StepDownEnabled
        return found

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        """Every text may stand in the box."""
        return QValidator.State.Acceptable, text, position

    def fixup(self, text: str) -> str:
        """A text is never corrected behind the back of who typed it."""
        return text

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Turn the value only where it has the focus; else the form scrolls."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The box, and the unit before the arrows."""
        super().paintEvent(event)
        self._unit.paint(self.rect().adjusted(0, 0, -ARROWS, 0))

    def _stepped(self, value: float, way: int) -> float:
        ranged = self._high - self._low
        if self._logarithmic or (self._whole and ranged > 10_000 and abs(value) >= 10):
            return _one_two_five(value, way) or value
        if self._whole:
            return value + way
        return round(value + way * _even_step(ranged), 10)


def plain(text: str) -> str:
    """The text without the gaps and commas that group thousands."""
    return _GAPS.sub("", text.strip())


def written(value: float, whole: bool = False) -> str:
    """`50,000`, `0.25`, `2e-3`: what a person would write."""
    if not math.isfinite(value):
        return str(value)
    if whole and value == int(value):
        return f"{int(value):,}"
    if value == 0 or 1e-2 <= abs(value) < 1e6:
        return f"{value:.12g}"
    mantissa, _, power = f"{value:.15e}".partition("e")
    return f"{float(mantissa):.12g}e{int(power)}"


def inset(box: QAbstractSpinBox, left: int = 8, right: int = 0) -> None:
    """Give the text of a spin box the same margin as a line edit (a style sheet cannot)."""
    edit = box.findChild(QLineEdit)
    if edit is not None:
        edit.setTextMargins(left, 0, right, 0)


def _one_two_five(value: float, way: int) -> float:
    """The next of 1, 2, 5, 10, ... above or below a positive value."""
    if value <= 0:
        return 0.0
    scale = 10.0 ** math.floor(math.log10(value) + 1e-9)
    if way > 0:
        found = next(m * scale for m in _MANTISSAS if m * scale > value * (1 + 1e-9))
    else:
        found = [m * scale for m in (0.5, *_MANTISSAS) if m * scale < value * (1 - 1e-9)][-1]
    return float(f"{found:.6g}")


def _even_step(ranged: float) -> float:
    """A twentieth of the range, rounded down to 1, 2 or 5 times a power of ten; 0.1 if endless."""
    if not math.isfinite(ranged) or ranged <= 0:
        return 0.1
    wanted = ranged / 20
    scale = 10.0 ** math.floor(math.log10(wanted) + 1e-9)
    return max(m * scale for m in _MANTISSAS[:3] if m * scale <= wanted * (1 + 1e-9))
