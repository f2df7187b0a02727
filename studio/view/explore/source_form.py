"""Which samples are looked at: where they come from, how many, of which label."""

import random

from msgspec.structs import replace
from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QSpinBox,
    QWidget,
)

from engine.contract.source import Mix, Source, is_carried
from studio.model.explore_model import ExploreModel
from studio.model.samples import Samples
from studio.model.sources import SEEDS, is_blend, seed_of, with_seed
from studio.theme.theme import Theme
from studio.view.explore.sample_form import SampleForm, WayChips
from studio.view.explore.seed_box import SeedBox, SeedName
from studio.view.explore.seed_pad import MIDDLE, RANDOM, BlendForm
from studio.view.explore.tool import Tool
from studio.view.widgets.card import label
from studio.view.widgets.chip import chip
from studio.view.widgets.combo import Combo
from studio.view.words import plural

COUNTS = {"images": (1, 4, 16, 36, 64), "points": (1, 256, 512, 1024, 2048, 4096, 8192)}
DEFAULT = {"images": 16, "points": 2048}
_OWN = "Maps and quality keep to samples of their own."
_FAN = (
    "All samples from the first one's noise: what new noise on the way makes of it, and how far "
    "that spreads."
)
_KINDS = {
    "noise": f"Pure noise, carried down to t by the model itself. {_OWN}",
    "blend": f"Noise between four seeds, carried down to t by the model itself. {_OWN}",
    "data": f"Real samples, mixed with noise up to t or carried there. {_OWN}",
    "sample": f"One sample, of the data set or of your own, mixed with noise or carried. {_OWN}",
}


class SourceForm(QWidget):
    """Every change goes to the model at once; what the model holds is what is shown.

    `refused` says why a sample is none; `wanted` asks for a file.
    """

    refused = Signal(str)
    wanted = Signal()

    def __init__(self, explore: ExploreModel, theme: Theme, steps: QSpinBox) -> None:
        super().__init__()
        self._explore, self._theme = explore, theme
        self._past: list[Source] = []
        self._blend = Mix((0, 1, 2, 3), *MIDDLE)  # what was blended last
        self.samples = Samples(explore, self)
        self.samples.refused.connect(self.refused)
        self.kinds = {name: self._kind(name, tip) for name, tip in _KINDS.items()}
        group = QButtonGroup(self)
        for button in self.kinds.values():
            group.addButton(button)
        self.seed = SeedBox(self._choose_seed)
        self.blend = BlendForm(theme, self._choose_blend, self.new_seed)
        self.sample = SampleForm(explore, self.samples, theme)
        self.sample.wanted.connect(self.wanted)
        self.way = WayChips()
        self.way.chosen.connect(lambda way: self._change(way=way, moved=()))
        self.count, self.labels = Combo(), Combo()
        self.count.setAccessibleName("Number of samples")
        self.count.activated.connect(lambda row: self._change(count=int(self.count.key())))
        self.labels.setAccessibleName("Label")
        self.labels.setToolTip("The label that the model is told, and that data has.")
        self.count.setToolTip("How many samples are shown.")
        for combo in (self.count, self.labels):
            combo.setMinimumContentsLength(3)
        self.count.shorten(self._counted)  # two lists share a row where there are labels
        self.labels.activated.connect(lambda row: self._change(label=row - 1, moved=()))
        self.fan = chip("one noise, fanned out", _FAN)
        self.fan.clicked.connect(lambda on: self._change(fan=on, moved=()))
        self.put_back = Tool(theme, "undo-2", "Put it back", self.undo, "Put back", colour="muted")
        self.put_back.setToolTip("Put back what was dragged (Esc)")
        self.said = label("", "muted")
        self._lay_out(steps)
        explore.model_changed.connect(self._on_model)
        explore.settings_changed.connect(self._show)
        self.samples.changed.connect(self._show)
        self._on_model()

    def new_seed(self) -> None:
        """Take a random seed, or four; `past_seed` leads back."""
        source = self._explore.source
        self._past.append(source)
        if is_blend(source):
            self._change(mix=self.blend.thrown(), moved=())
        else:
            self.samples.start_from(with_seed(source, random.randrange(RANDOM)))

    def past_seed(self) -> None:
        """Back to the noise before the last new one, on whatever way it is used now."""
        if not self._past:
            return
        past, now = self._past.pop(), self._explore.source
        mix = past.mix if now.kind == "noise" or not is_blend(past) else None
        self.samples.start_from(replace(now, seed=past.seed, mix=mix, moved=()))

    def undo(self) -> None:
        """Put back what a hand moved."""
        self._change(moved=())

    def _kind(self, name: str, tip: str) -> QPushButton:
        button = chip(name, tip)
        button.setAccessibleName(f"From {name}")
        button.clicked.connect(lambda: self._choose_kind(name))
        return button

    def _lay_out(self, steps: QSpinBox) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(6)
        grid.setHorizontalSpacing(10)
        grid.setColumnStretch(1, 1)
        tools = (
            Tool(self._theme, "chevron-left", "Previous seed", lambda: self._step_seed(-1)),
            Tool(self._theme, "chevron-right", "Next seed", lambda: self._step_seed(1)),
            Tool(self._theme, "dice-5", "New random seed", self.new_seed, tip="New seed (R)"),
        )
        rows: dict[str, tuple[QWidget, ...]] = {
            "steps": (label("Jump in", "muted"), steps),
            "kinds": (*self.kinds.values(),),
            "blend": (self.blend,),
            "sample": (self.sample,),
            "way": (self.way,),
            "fan": (self.fan,),
            "seed": (SeedName(self.seed), self.seed, *tools),
            "count": (label("Show", "muted"), self.count, self.labels),
            "moved": (self.said, self.put_back),
        }
        for line, (name, parts) in enumerate(rows.items()):
            if name in ("kinds", "blend", "sample", "way", "fan", "moved"):
                grid.addLayout(_row(*parts, end=name in ("kinds", "way", "fan")), line, 0, 1, 2)
            else:
                grid.addWidget(parts[0], line, 0)
                grid.addLayout(_row(*parts[1:]), line, 1)
        self._rows = rows
        shown = grid.itemAtPosition(list(rows).index("count"), 1)
        if isinstance(shown, QHBoxLayout):
            shown.setStretchFactor(self.labels, 2)

    def _step_seed(self, way: int) -> None:
        self._choose_seed(seed_of(self._explore.source) + way)

    def _choose_seed(self, seed: float) -> None:
        self.samples.start_from(with_seed(self._explore.source, min(seed, SEEDS)))

    def _choose_blend(self, mix: Mix) -> None:
        self._change(mix=mix, moved=())

    def _choose_kind(self, name: str) -> None:
        source = self._explore.source
        if name == "sample":
            self._show()  # not before the engine has it
            self.samples.take(self.samples.sample)
            return
        if is_blend(source) and name != "blend":
            source = replace(source, mix=None)
        elif name == "blend":
            source = replace(source, mix=self._blend)
        kind = "data" if name == "data" else "noise"
        self.samples.start_from(replace(source, kind=kind, moved=()))

    def _change(self, **values: object) -> None:
        self.samples.start_from(replace(self._explore.source, **values))

    def _on_model(self) -> None:
        """Offer the numbers and labels that fit what the model makes."""
        model, source = self._explore.model, self._explore.source
        if model is not None:
            kind, names = model.data.kind, model.data.labels
            count = source.count if source.count in COUNTS[kind] else DEFAULT[kind]
            self._change(count=count, label=min(source.label, len(names) - 1))
            noun = "point" if kind == "points" else "picture"
            self.kinds["sample"].setText(noun)
            self.kinds["sample"].setAccessibleName(f"From one {noun}")
        self._show()

    def _show(self) -> None:
        source, model = self._explore.source, self._explore.model
        blended, points = is_blend(source), model is not None and model.data.kind == "points"
        if blended and source.mix:
            self._blend = source.mix
            self.blend.show_mix(source.mix)
        self.kinds["blend" if blended else source.kind].setChecked(True)
        self.seed.show_seed(seed_of(source))
        names = model.data.labels if model else ()
        self._show_row("blend", blended)
        self._show_row("sample", source.kind == "sample")
        self._show_row("way", source.kind == "data")
        self._show_row("fan", source.kind == "noise" and (source.fan or self._renews))
        self.fan.setChecked(source.fan)
        self.way.show_way(source.way, model)
        one = source.kind == "sample" and is_carried(source)
        self._show_row("seed", not blended and not one)
        self.labels.setVisible(bool(names))
        self._show_row("moved", bool(source.moved))
        self.said.setText(plural(len(source.moved), "point" if points else "picture") + " moved")
        self._show_counts("point" if points else "picture")
        labels = (self._all_labels(), *names)
        items = [(str(number - 1), name) for number, name in enumerate(labels)]
        self.labels.show_items(items, str(source.label))

    @property
    def _renews(self) -> bool:
        """Whether noise is added on the way: then samples of one noise are told apart."""
        model, sampler = self._explore.model, self._explore.sampler
        return bool(sampler.gamma) or (model is not None and model.capability == "endpoint")

    def _all_labels(self) -> str:
        """What the label -1 is: a sample of the data set has its own."""
        if self._explore.source.kind != "sample" or self.samples.sample.picture:
            return "all labels"
        return f"own: {self.sample.label}" if self.sample.label else "its own"

    def _counted(self, count: str) -> str:
        model = self._explore.model
        if model is None or model.data.labels:
            return count
        return plural(int(count), "point" if model.data.kind == "points" else "picture")

    def _show_counts(self, noun: str) -> None:
        source, kind = self._explore.source, "points" if noun == "point" else "images"
        counts = sorted({*COUNTS[kind], source.count})
        items = [(str(count), plural(count, noun)) for count in counts]
        self.count.show_items(items, str(source.count))

    def _show_row(self, name: str, shown: bool) -> None:
        for part in self._rows[name]:
            part.setVisible(shown)


def _row(*widgets: QWidget, end: bool = False) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(4 if end else 6)
    for widget in widgets:
        row.addWidget(widget, 0 if end or isinstance(widget, Tool) else 1)
    if end:
        row.addStretch(1)
    return row
