"""The status bar: the engine on the left, the training that runs on the right."""

import re

from PySide6 import QtCore
from PySide6.QtCore import QPointF, QSize
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QStatusBar, QWidget

from studio.theme.theme import Theme
from studio.view import words
from studio.view.widgets.card import label


class Dot(QWidget):
    """A dot in a token's colour, beside the word that says the same."""

    def __init__(self, theme: Theme, colour: str = "muted") -> None:
        super().__init__()
        self._theme, self._colour = theme, colour
        theme.changed.connect(self.update)

    def show_colour(self, colour: str) -> None:
        """Take the token `colour`."""
        self._colour = colour
        self.update()

    def sizeHint(self) -> QSize:
        """A small square."""
        return QSize(10, 10)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The dot."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QtCore.Qt.PenStyle.NoPen)
        painter.setBrush(QColor(getattr(self._theme.tokens, self._colour)))
        painter.drawEllipse(QPointF(self.width() / 2, self.height() / 2), 4, 4)
        painter.end()


HEIGHT = 28


class StatusBar(QStatusBar):
    """Dot and word of the engine, device, cores, memory; name, step, speed and time left."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setSizeGripEnabled(False)
        self.setMinimumHeight(HEIGHT)
        self.showMessage("  Loading …")

    def furnish(self) -> None:
        """Put the words in."""
        self.clearMessage()
        self.dot = Dot(self._theme)
        self.engine = label("Engine not started")
        self.training = label()
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(14, 4, 16, 4)
        layout.setSpacing(8)
        layout.addWidget(self.dot)
        layout.addWidget(self.engine)
        layout.addStretch(1)
        layout.addWidget(self.training)
        self.dot.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self.engine.setAccessibleName("Engine")
        self.training.setAccessibleName("Running training")
        self.addWidget(row, 1)

    def show_engine(self, state: str, detail: str = "") -> None:
        """The engine's state in a word with its colour, and what it runs on."""
        colours = {"ready": "good", "starting": "warning", "failed": "bad"}
        self.dot.show_colour(colours.get(state, "muted"))
        self.engine.setText(" · ".join(filter(None, (f"Engine {state}", detail))))

    def show_training(self, text: str) -> None:
        """The training that runs, "" for none."""
        self.training.setText(text)


def machine(device: str, cores: int, memory: int) -> str:
    """`CPU · 2 cores · 412 MB`, without what is not known."""
    short = re.sub(r"\((R|TM)\)| CPU| Processor| @.*", "", device)
    parts = (short, words.plural(cores, "core") if cores else "",
             words.memory(memory) if memory else "")  # fmt: skip
    return " · ".join(filter(None, parts))


def training_line(
    title: str, state: str, phase: str, step: int, steps: int, rate: float, eta: float
) -> str:
    """`Training NAME   step 8,410 of 24,000   2.9 it/s   41 min left`."""
    parts = [f"{words.STATES.get(state, state).capitalize()} {title}"]
    if state == "running" and phase not in ("training", ""):
        parts.append(phase)
    parts.append(f"step {step:,} of {steps:,}")
    if state == "running":
        parts.append(f"{words.count(rate)} it/s" if rate > 0 else "")
        parts.append("estimating" if eta < 0 else f"{words.duration(eta)} left")
    return "   ".join(filter(None, parts))
