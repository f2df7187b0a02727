"""What the jump in sight says in numbers, and what the model is."""

import math
import time
from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from studio.model.catalogue_model import CatalogueModel
from studio.model.explore_model import ExploreModel
from studio.model.states import States
from studio.view.explore.fresh_trace import FreshTrace
from studio.view.explore.times import BADGES, DONE
from studio.view.widgets.card import Card, label, rule
from studio.view.words import count

WIDTH = 236
PACE = 100  # ms between two readings: more often than that nobody reads
_SPAN = 1.0  # seconds over which frames are counted
_NONE = "–"
_LOOK = "font-weight: 600"


class Figures(QGridLayout):
    """Rows of a muted name and a value at the right."""

    def __init__(self) -> None:
        super().__init__()
        self.setVerticalSpacing(7)
        self.setHorizontalSpacing(10)
        self.setColumnStretch(1, 1)
        self._values: dict[str, tuple[QLabel, QLabel]] = {}

    def add(self, name: str, tip: str = "") -> None:
        """Add a row."""
        title, value = label(name, "muted"), label(_NONE)
        value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
        value.setStyleSheet(_LOOK)
        value.setAccessibleName(name)
        for part in (title, value):
            part.setToolTip(tip)
        row = self.rowCount()
        self.addWidget(title, row, 0)
        self.addWidget(value, row, 1)
        self._values[name] = (title, value)

    def show_value(self, name: str, text: str, about: str = "") -> None:
        """Show a value, with words `about` it for who cannot see it; an equal one costs nothing."""
        value, said = self._values[name][1], f"{text}, {about}" if about else text
        if value.text() != text:
            value.setText(text)
        if value.accessibleDescription() != said:
            value.setAccessibleDescription(said)  # its name is that of the row

    def show_row(self, name: str, on: bool) -> None:
        """Show or hide a row."""
        for part in self._values[name]:
            part.setVisible(on)

    def colour(self, name: str, colour: str) -> None:
        """Show a value in another colour; "" is its own."""
        look = _LOOK + (f"; color: {colour}" if colour else "")
        value = self._values[name][1]
        if value.styleSheet() != look:
            value.setStyleSheet(look)

    def explain(self, name: str, tip: str) -> None:
        """Say something else on hover."""
        for part in self._values[name]:
            part.setToolTip(tip)

    def text(self, name: str) -> str:
        """What a row says."""
        return self._values[name][1].text()


class JumpCard(Card):
    """Reads the model at a calm pace, however fast the frames come."""

    def __init__(
        self,
        explore: ExploreModel,
        fresh: FreshTrace,
        catalogue: CatalogueModel,
        parts: Sequence[QWidget],
    ) -> None:
        """`parts` stand between the numbers of the jump and the facts of the model."""
        badge = label("", "badge")
        super().__init__("This jump", badge)
        self.badge = badge
        self._explore, self._fresh, self._catalogue = explore, fresh, catalogue
        self._kept = (_NONE, _NONE)
        self._frames: deque[float] = deque(maxlen=240)
        self.setFixedWidth(WIDTH)
        self.numbers = self._number_rows()
        self.facts = self._fact_rows()
        self.note = label("", "small")
        self.note.setWordWrap(True)
        self.done = label("", "small")
        self.done.setWordWrap(True)
        self.done.setAccessibleName("What was done")
        self.body.addLayout(self.numbers)
        self.body.addWidget(self.done)
        self.body.addSpacing(4)
        self.body.addWidget(rule())
        self.body.addSpacing(2)
        for part in parts:
            self.body.addWidget(part)
        self.body.addWidget(rule())
        self.body.addSpacing(2)
        self.body.addWidget(label("This model", "title"))
        self.body.addLayout(self.facts)
        self.body.addWidget(self.note)
        self.body.addStretch(1)
        self._pace = QTimer(self, interval=PACE, singleShot=True)
        self._pace.timeout.connect(self.read)
        explore.states_changed.connect(self._on_frame)
        fresh.changed.connect(self._wish)
        explore.model_changed.connect(self._show_model)
        catalogue.changed.connect(self._show_model)
        self._show_model()

    def sizeHint(self) -> QSize:
        """As wide as it is."""
        return QSize(WIDTH, super().sizeHint().height())

    def read(self) -> None:
        """Show the numbers of now."""
        states = self._explore.states
        show = self.numbers.show_value
        error, nothing = self._distances()
        show("error against exact", error)
        show("doing nothing", nothing)
        self._tell_round_trip(states)
        show("NFE", f"{states.nfe:,}" if states else _NONE)
        self._tell(states)
        show("in the engine", f"{states.ms:.1f} ms" if states else _NONE)
        frames = self._frames_a_second()
        show("frames a second", f"{frames:.0f}" if frames else _NONE)
        if frames:
            self._pace.start()

    def _tell_round_trip(self, states: States | None) -> None:
        """How far data is from where it was, and how normal its noise."""
        trip = states.round_trip if states else None
        noise = trip if trip is not None and trip.distance >= 0 else None
        self.numbers.show_row("round trip error", trip is not None)
        self.numbers.show_row("noise σ · kurtosis", noise is not None)
        self.numbers.show_row("noise to normal", noise is not None)
        show = self.numbers.show_value
        if trip is not None:
            show("round trip error", f"{trip.error:.3f}")
        if noise is not None:
            show("noise σ · kurtosis", f"{noise.deviation:.3f} · {noise.kurtosis:.2f}")
            show("noise to normal", f"{noise.distance:.3f}")

    def _tell(self, states: States | None) -> None:
        """What was done, and why no path is drawn."""
        said = []
        if states is not None:
            said.append(DONE[states.how])
            if states.carried == "re-noise":
                said.append("xₜ was made from noise in the same way.")
            trace = self._fresh.trace
            if trace is not None and trace.why:
                said.append(trace.why)
        text = " ".join(said)
        if text != self.done.text():
            self.done.setText(text)
            self.done.setAccessibleDescription(text)
        self.done.setVisible(bool(text))

    def _distances(self) -> tuple[str, str]:
        """How far x_s, and x_t, lie from where they belong, in as many steps as are in sight."""
        states, trace = self._explore.states, self._fresh.trace
        if states is None or trace is None or not self._fresh.fits:
            return self._kept if trace is not None else (_NONE, _NONE)
        exact = trace.exact_x_s
        if exact is None or exact.shape != states.x_s.shape:
            return _NONE, _NONE
        # Where noise was added x_s lies on no path: there is nothing to be far from.
        error = _NONE if states.how == "re-noise" else rms(states.x_s, exact)
        self._kept = error, rms(states.x_t, exact)
        return self._kept

    def _number_rows(self) -> Figures:
        rows = Figures()
        rows.add("error against exact", "Rms distance of the learned x_s from the exact one.")
        rows.add("doing nothing", "The same distance if every point stayed where it is.")
        rows.add("round trip error", "Rms distance of data from where it was, up to t and back.")
        tip = "Of all numbers of x_t at t = 1 together; standard normal noise has 1 and 3."
        rows.add("noise σ · kurtosis", tip)
        tip = "Kolmogorov-Smirnov distance of those numbers to a standard normal; 0 is normal."
        rows.add("noise to normal", tip)
        rows.add("NFE", "Evaluations of the network for this jump.")
        rows.add("in the engine", "Time of the jump in the engine.")
        rows.add("frames a second", "Pictures a second while something moves.")
        return rows

    def _fact_rows(self) -> Figures:
        rows = Figures()
        for name in ("method", "data", "step", "EMA", "parameters"):
            rows.add(name)
        return rows

    def _show_model(self) -> None:
        model = self._explore.model
        exact = model is not None and model.data.exact
        self.numbers.show_row("error against exact", exact)
        self.numbers.show_row("doing nothing", exact)
        self.badge.setVisible(model is not None)
        if model is not None:
            method = self._catalogue.method(model.method)
            self.badge.setText(model.capability)
            self.badge.setToolTip(BADGES[model.capability])
            self.badge.setAccessibleName(f"Capability: {model.capability}")
            self.facts.show_value("method", method.title if method else model.method)
            self.facts.show_value("data", model.data.title)
            self.facts.show_value("step", f"{model.step:,}")
            self.facts.show_value("EMA", f"{model.ema:g}")
            self.facts.show_value("parameters", count(model.parameters))
            self.note.setText(model.note)
        self.note.setVisible(bool(model and model.note))
        self.read()

    def _on_frame(self) -> None:
        self._frames.append(time.monotonic())
        self._wish()

    def _wish(self) -> None:
        if not self._pace.isActive():
            self._pace.start()

    def _frames_a_second(self) -> float:
        """Frames of the last second; 0 when nothing moves."""
        while self._frames and time.monotonic() - self._frames[0] > _SPAN:
            self._frames.popleft()
        return len(self._frames) / _SPAN if len(self._frames) > 2 else 0.0


def rms(one: NDArray[np.float32], other: NDArray[np.float32]) -> str:
    """The root of the mean square difference of a coordinate."""
    value = float(np.linalg.norm(one.astype(np.float64) - other)) / math.sqrt(one.size)
    return f"{value:.3f}" if math.isfinite(value) else _NONE
