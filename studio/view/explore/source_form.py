"""Which samples are looked at: from noise or data, seed, how many, of which label."""

import random

from msgspec.structs import replace
from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import (
    QButtonGroup,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QSpinBox,
    QWidget,
)

from studio.model.explore_model import ExploreModel
from studio.theme.theme import Theme
from studio.view.explore.time_row import without_buttons
from studio.view.explore.tool import Tool
from studio.view.widgets.card import label
from studio.view.widgets.combo import Combo
from studio.view.words import plural

COUNTS = {"images": (1, 4, 16, 36, 64), "points": (256, 512, 1024, 2048, 4096, 8192)}
DEFAULT = {"images": 16, "points": 2048}
SEEDS = 2**31 - 1
_RANDOM = 1_000_000  # random seeds lie below: a number that can be told to somebody
_SOURCES = {
    "noise": "Pure noise, carried down to t by the model itself.",
    "data": "Real samples, mixed with noise up to t.",
}


class SourceForm(QWidget):
    """Every change goes to the model at once; what the model holds is what is shown."""

    def __init__(self, explore: ExploreModel, theme: Theme, steps: QSpinBox) -> None:
        super().__init__()
        self._explore, self._theme = explore, theme
        self._past: list[int] = []
        self.kinds = {name: self._kind(name, tip) for name, tip in _SOURCES.items()}
        group = QButtonGroup(self)
        for button in self.kinds.values():
            group.addButton(button)
        self.seed = self._seed_box()
        self.count, self.labels = Combo(), Combo()
        self.count.setAccessibleName("Number of samples")
        self.count.activated.connect(lambda row: self._change(count=int(self.count.key())))
        self.labels.setAccessibleName("Label")
        self.labels.activated.connect(lambda row: self._change(label=row - 1))
        self._label_title = label("Label", "muted")
        self._lay_out(steps)
        explore.model_changed.connect(self._on_model)
        explore.settings_changed.connect(self._show)
        self._on_model()

    def new_seed(self) -> None:
        """Take a random seed; `past_seed` leads back."""
        self._past.append(self._explore.source.seed)
        self._change(seed=random.randrange(_RANDOM))

    def past_seed(self) -> None:
        """Back to the seed before the last new one."""
        if self._past:
            self._change(seed=self._past.pop())

    def _kind(self, name: str, tip: str) -> QPushButton:
        button = QPushButton(name)
        button.setProperty("role", "chip")
        button.setCheckable(True)
        button.setAccessibleName(f"From {name}")
        button.setToolTip(tip)
        button.setCursor(Qt.CursorShape.PointingHandCursor)
        button.clicked.connect(lambda: self._change(kind=name))
        return button

    def _seed_box(self) -> QSpinBox:
        box = QSpinBox()
        box.setRange(0, SEEDS)
        box.setKeyboardTracking(False)
        box.setMinimumWidth(64)
        box.setGroupSeparatorShown(True)
        box.setAccessibleName("Seed")
        box.valueChanged.connect(lambda seed: self._change(seed=seed))
        without_buttons(box)
        return box

    def _lay_out(self, steps: QSpinBox) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(8)
        grid.setHorizontalSpacing(10)
        grid.setColumnStretch(1, 1)
        tools = (
            Tool(self._theme, "chevron-left", "Previous seed", lambda: self._step_seed(-1)),
            Tool(self._theme, "chevron-right", "Next seed", lambda: self._step_seed(1)),
            Tool(self._theme, "dice-5", "New random seed", self.new_seed, tip="New seed (R)"),
        )
        rows = (
            ("Jump in", _row(steps)),
            ("From", _row(*self.kinds.values(), end=True)),
            ("Seed", _row(self.seed, *tools)),
            ("Show", _row(self.count)),
        )
        for number, (title, row) in enumerate(rows):
            grid.addWidget(label(title, "muted"), number, 0)
            grid.addLayout(row, number, 1)
        grid.addWidget(self._label_title, len(rows), 0)
        grid.addWidget(self.labels, len(rows), 1)

    def _step_seed(self, way: int) -> None:
        self._change(seed=min(SEEDS, max(0, self._explore.source.seed + way)))

    def _change(self, **values: object) -> None:
        source = replace(self._explore.source, **values)
        if source != self._explore.source:
            self._explore.set_source(source)

    def _on_model(self) -> None:
        """Offer the numbers and labels that fit what the model makes."""
        model = self._explore.model
        if model is not None:
            kind = model.data.kind
            if self._explore.source.count not in COUNTS[kind]:
                self._change(count=DEFAULT[kind])
        names = model.data.labels if model else ()
        self.labels.setVisible(bool(names))
        self._label_title.setVisible(bool(names))
        self._show()

    def _show(self) -> None:
        source, model = self._explore.source, self._explore.model
        self.kinds[source.kind].setChecked(True)
        with QSignalBlocker(self.seed):
            self.seed.setValue(source.seed)
        kind = model.data.kind if model else "images"
        noun = "point" if kind == "points" else "picture"
        counts = sorted({*COUNTS[kind], source.count})
        items = [(str(count), plural(count, noun)) for count in counts]
        self.count.show_items(items, str(source.count))
        labels = ("all", *(model.data.labels if model else ()))
        items = [(str(number - 1), name) for number, name in enumerate(labels)]
        self.labels.show_items(items, str(source.label))


def _row(*widgets: QWidget, end: bool = False) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(6)
    for widget in widgets:
        row.addWidget(widget, 0 if end or isinstance(widget, Tool) else 1)
    if end:
        row.addStretch(1)
    return row
