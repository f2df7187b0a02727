"""One time: its letter, a slider, the number, and the noise level it stands for."""

from collections.abc import Callable

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QDoubleSpinBox,
    QGridLayout,
    QLineEdit,
    QSlider,
    QStyle,
    QWidget,
)

from studio.view.explore.times import STEP, settled, sigma_text
from studio.view.widgets.card import label

_PARTS = 1000  # the slider counts thousandths
_HANDLE = 16  # pixels, as in the style sheet


class TimeSlider(QSlider):
    """A slider whose handle comes to where it is clicked and then follows the hand."""

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setRange(0, _PARTS)
        self.setSingleStep(round(STEP * _PARTS))
        self.setPageStep(round(10 * STEP * _PARTS))
        self.setMinimumHeight(22)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Jump to the place."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self._take(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow."""
        if self.isSliderDown():
            self._take(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self.setSliderDown(False)

    def _take(self, event: QMouseEvent) -> None:
        way = round(event.position().x() - _HANDLE / 2)
        room = self.width() - _HANDLE
        self.setValue(QStyle.sliderValueFromPosition(0, _PARTS, way, room))


class TimeRow(QWidget):
    """Shows a time and hands every new one to `choose`."""

    def __init__(self, letter: str, hint: str, choose: Callable[[float], None]) -> None:
        super().__init__()
        name = f"{letter}, {hint}"
        self.slider = TimeSlider()
        self.slider.setAccessibleName(f"Slider {name}")
        self.slider.valueChanged.connect(lambda parts: choose(parts / _PARTS))
        self.number = time_box()
        self.number.setAccessibleName(f"Number {name}")
        self.number.valueChanged.connect(lambda time: choose(settled(time)))
        self.sigma = label("", "small")
        self.sigma.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.sigma.setToolTip("Noise level σ = t / (1 - t): how much noise for one part of data.")
        sign = label(letter)
        sign.setFixedWidth(12)
        sign.setStyleSheet("font-size: 16px; font-style: italic; font-weight: 600")
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setHorizontalSpacing(10)
        layout.setVerticalSpacing(0)
        layout.addWidget(sign, 0, 0)
        layout.addWidget(self.slider, 0, 1)
        layout.addWidget(self.number, 0, 2)
        layout.addWidget(label(hint, "small"), 1, 1)
        layout.addWidget(self.sigma, 1, 2)

    def show_time(self, time: float) -> None:
        """Show what the model holds, without handing it back."""
        with QSignalBlocker(self.slider), QSignalBlocker(self.number):
            self.slider.setValue(round(time * _PARTS))
            self.number.setValue(time)
        self.sigma.setText(sigma_text(time))


def time_box() -> QDoubleSpinBox:
    """A box for a number from 0 to 1 with three decimals."""
    box = QDoubleSpinBox()
    box.setRange(0, 1)
    box.setDecimals(3)
    box.setSingleStep(STEP)
    box.setKeyboardTracking(False)
    box.setAlignment(Qt.AlignmentFlag.AlignRight)
    box.setFixedWidth(66)
    without_buttons(box)
    return box


def without_buttons(box: QAbstractSpinBox) -> None:
    """Hide the arrows; `NoButtons` would leave a styled box no room for its text."""
    parts = ("up-button", "down-button", "up-arrow", "down-arrow")
    rules = (f"QAbstractSpinBox::{p} {{ width: 0; height: 0; image: none }}" for p in parts)
    box.setStyleSheet("".join(rules))
    if (edit := box.findChild(QLineEdit)) is not None:
        edit.setTextMargins(6, 0, 6, 0)
