"""How the model goes from t to s, as far as it leaves a choice."""

from typing import get_args

from msgspec.structs import replace
from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QDoubleSpinBox, QGridLayout, QLabel, QWidget

from engine.contract.catalogue import Guidance
from engine.contract.messages import Solver
from studio.model.explore_model import ExploreModel
from studio.view.explore.time_row import without_buttons
from studio.view.widgets.card import label
from studio.view.widgets.combo import Combo

SOLVERS: dict[Solver, str] = {
    "euler": "Euler (DDIM)",
    "heun": "Heun",
    "rk4": "Runge-Kutta 4",
    "dpm++2m": "DPM-Solver++ 2M",
}
TIMES = {"even": "even", "karras": "Karras ρ = 7"}
YOURS = "yours"  # key of the times that were set by hand
_TIPS = {
    "Solver": "How the velocity is integrated.",
    "Times": "Where the steps lie between t and s.",
    "Noise γ": "Share of the noise that is new after each step: 0 exact jumps, "
    "1 denoise and re-noise.",
    "Guidance": "How far beyond the plain velocity the label pulls; 1 is none.",
    "Guided from": "Nearer to data than this time, no guidance.",
    "Guided to": "Nearer to noise than this time, no guidance.",
}
_MOST = 20.0  # guidance that is offered


class SamplerForm(QWidget):
    """A row for each choice that a model of this capability leaves; the others are hidden."""

    def __init__(self, explore: ExploreModel) -> None:
        super().__init__()
        self._explore = explore
        self.solver, self.times = Combo(), Combo()
        self.gamma, self.guidance = _box(1.0, 0.05), _box(_MOST, 0.25)
        self.start, self.end = _box(1.0, 0.05), _box(1.0, 0.05)
        self.solver.activated.connect(lambda row: self._change(solver=self.solver.key()))
        self.times.activated.connect(self._choose_times)
        self.gamma.valueChanged.connect(lambda value: self._change(gamma=value))
        self.guidance.valueChanged.connect(lambda value: self._change(guidance=value))
        self.start.valueChanged.connect(lambda value: self._change(guidance_from=value))
        self.end.valueChanged.connect(lambda value: self._change(guidance_to=value))
        boxes = (self.solver, self.times, self.gamma, self.guidance, self.start, self.end)
        self._rows: dict[str, tuple[QLabel, QWidget]] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(8)
        grid.setHorizontalSpacing(10)
        grid.setColumnStretch(1, 1)
        for number, ((name, tip), box) in enumerate(zip(_TIPS.items(), boxes, strict=True)):
            title = label(name, "muted")
            box.setAccessibleName(name)
            for part in (title, box):
                part.setToolTip(tip)
            grid.addWidget(title, number, 0)
            grid.addWidget(box, number, 1)
            self._rows[name] = title, box
        explore.model_changed.connect(self._show)
        explore.settings_changed.connect(self._show)
        self._show()

    def offered(self) -> set[str]:
        """Names of the choices that are shown."""
        guidance = self._guidance()
        if guidance is None:
            return self._of_capability()
        guided = {"Guidance", "Guided from", "Guided to"} if guidance.omega != 1 else {"Guidance"}
        return self._of_capability() | guided

    def _guidance(self) -> Guidance | None:
        """How the model is guided now; None where it cannot be."""
        model, sampler = self._explore.model, self._explore.sampler
        if model is None or model.guidance is None:
            return None
        return model.guidance.chosen(sampler.guidance, sampler.guidance_from, sampler.guidance_to)

    def _of_capability(self) -> set[str]:
        model, several = self._explore.model, self._explore.steps > 1
        match model.capability if model else "":
            case "velocity":
                return {"Solver", "Times"}
            case "flow map":
                gamma = set() if self._explore.sampler.keep else {"Noise γ"}
                return gamma | ({"Times"} if several else set())
            case "endpoint" if several:
                return {"Times"}
            case "dyadic" if self._explore.sampler.keep is None:
                return {"Noise γ"}
        return set()

    def _choose_times(self, row: int) -> None:
        if self.times.key() != YOURS:
            self._explore.set_shares(())
            self._change(times=self.times.key())

    def _change(self, **values: object) -> None:
        self._explore.set_sampler(replace(self._explore.sampler, **values))
        self._show()

    def _show(self) -> None:
        sampler, offered, model = self._explore.sampler, self.offered(), self._explore.model
        for name, row in self._rows.items():
            for part in row:
                part.setVisible(name in offered)
        self.setVisible(bool(offered))
        self.solver.show_items([(name, SOLVERS[name]) for name in get_args(Solver)], sampler.solver)
        times = sampler.times if isinstance(sampler.times, str) else "even"
        own = {YOURS: "as you set them"} if self._explore.shares else {}
        self.times.show_items([*TIMES.items(), *own.items()], YOURS if own else times)
        with QSignalBlocker(self.gamma):
            # A dyadic model leaves the choice between no new noise and all of it.
            self.gamma.setSingleStep(1.0 if model and model.capability == "dyadic" else 0.05)
            self.gamma.setValue(sampler.gamma or 0.0)
        if guidance := self._guidance():
            self._show_guidance(guidance)

    def _show_guidance(self, guidance: Guidance) -> None:
        """Within what the model can take; the interval ends no earlier than it begins."""
        most = min(guidance.most, max(_MOST, guidance.omega))
        for box, low, high, value in (
            (self.guidance, guidance.least, most, guidance.omega),
            (self.start, 0.0, guidance.end, guidance.start),
            (self.end, guidance.start, 1.0, guidance.end),
        ):
            with QSignalBlocker(box):
                box.setRange(low, high)
                box.setValue(value)


def _box(most: float, step: float) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setRange(0, most)
    box.setDecimals(2)
    box.setSingleStep(step)
    box.setKeyboardTracking(False)
    without_buttons(box)
    return box
