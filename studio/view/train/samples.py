"""The card with the samples of the run in sight, and their history."""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSlider, QStackedWidget, QToolButton

from engine.contract.journal import Sampled
from studio.link.link import LinkError
from studio.model.newest import Newest
from studio.model.run_model import Preview, RunModel
from studio.theme.theme import Theme
from studio.view.train.preview_decode import pictures
from studio.view.train.scatter import Scatter
from studio.view.train.strip import Strip
from studio.view.widgets.card import Card, label
from studio.view.widgets.empty import Empty
from studio.view.widgets.picture_grid import Pick, PictureGrid

NOTHING = "The first preview comes after a few hundred steps, or by “Sample now”."
ROOMY = 290  # pixels of the card from which there is room for the strip
WAYS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}


class Grid(PictureGrid):
    """Pictures whose arrow keys go through their history."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave the keys to the card."""
        event.ignore()


class Samples(Card):
    """Shows the newest preview until a person goes back in the history."""

    def __init__(self, theme: Theme, fail: Callable[[str], None]) -> None:
        self.where = label("", "muted")
        super().__init__("Samples", self.where)
        self._theme, self._fail = theme, fail
        self._run: RunModel | None = None
        self._shown: Sampled | None = None
        self._beginnings = 0  # of the run, when it was shown
        self._follows = True
        self.grid = Grid("of the run", Pick(), theme)
        self.scatter = Scatter(theme)
        self.empty = Empty(theme, "images", "No samples yet", NOTHING)
        self.pages = QStackedWidget()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.strip = Strip(theme)
        self._loads = Newest(self._load)
        self.back, self.on = self._tool("Earlier samples", -1), self._tool("Later samples", 1)
        self.outer.setContentsMargins(14, 8, 14, 10)
        self._lay_out()
        self.slider.valueChanged.connect(self._slid)
        self.strip.chosen.connect(self.slider.setValue)
        theme.changed.connect(self._dress)
        self._dress()
        self._refresh()

    def show_run(self, run: RunModel | None) -> None:
        """Show another run, from its newest samples."""
        if self._run is not None:
            self._run.changed.disconnect(self._refresh)
        self._run, self._shown, self._follows = run, None, True
        self.scatter.forget()
        self.strip.show_run(run)
        if run is not None:
            run.changed.connect(self._refresh)
        self._refresh()

    def step(self, way: int) -> None:
        """Go `way` previews on in the history."""
        self.slider.setValue(self.slider.value() + way)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right go through the history, Home and End to its ends."""
        key = Qt.Key(event.key())
        if key in WAYS:
            self.step(WAYS[key])
        elif key == Qt.Key.Key_Home:
            self.slider.setValue(0)
        elif key == Qt.Key.Key_End:
            self.slider.setValue(self.slider.maximum())
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The strip gives way where the samples themselves need the room."""
        super().resizeEvent(event)
        self._give_room()

    def _give_room(self) -> None:
        self.strip.setVisible(self.slider.maximum() > 0 and self.height() >= ROOMY)

    def _refresh(self) -> None:
        """The history may have grown, or been taken back."""
        samples = self._run.samples if self._run else []
        if self._run is not None and self._run.beginnings != self._beginnings:
            self._shown, self._beginnings = None, self._run.beginnings
        last = max(0, len(samples) - 1)
        at = last if self._follows else min(self.slider.value(), last)
        self.slider.blockSignals(True)
        self.slider.setMaximum(last)
        self.slider.setValue(at)
        self.slider.blockSignals(False)
        self.slider.setEnabled(last > 0)
        self.strip.refresh()
        self._give_room()
        self._show(samples[at] if samples else None)

    def _slid(self, at: int) -> None:
        samples = self._run.samples if self._run else []
        self._follows = at >= len(samples) - 1
        if at < len(samples):
            self._show(samples[at])

    def _show(self, sampled: Sampled | None) -> None:
        self.strip.show_row(self.slider.value())
        self.back.setEnabled(self.slider.value() > 0)
        self.on.setEnabled(self.slider.value() < self.slider.maximum())
        if sampled is None or self._run is None:
            self._shown = None
            self.where.setText("")
            self.pages.setCurrentWidget(self.empty)
        elif sampled != self._shown:
            self._shown = sampled
            self._loads.wish()

    async def _load(self) -> None:
        """Fetch the preview that is wanted now and paint it, unless another is by then."""
        run, sampled, beginnings = self._run, self._shown, self._beginnings
        if run is None or sampled is None:
            return
        try:
            preview = await run.picture(sampled)
        except LinkError as error:
            self._fail(str(error))
            return
        if (run, sampled, beginnings) == (self._run, self._shown, self._beginnings):
            self._paint(preview)
            newest = " · newest" if self._follows else ""
            self.where.setText(f"step {sampled.step:,} of {run.info.steps:,}{newest}")
            self.slider.setAccessibleDescription(self.where.text())

    def _paint(self, preview: Preview) -> None:
        view: Any = self.scatter if preview.kind == "points" else self.grid
        if preview.points is not None:
            self.scatter.show_points(preview.points, anew=self._follows)
        else:
            self._paint_pictures(preview.data)
        self.pages.setCurrentWidget(view)

    def _paint_pictures(self, data: bytes) -> None:
        try:
            self.grid.show_pictures(pictures(data))
        except ValueError:
            self._fail("This preview cannot be read: its file is damaged.")

    def _tool(self, name: str, way: int) -> QToolButton:
        button = QToolButton()
        button.setProperty("role", "quiet")
        button.setAccessibleName(name)
        button.setToolTip(f"{name} ({'←' if way < 0 else '→'})")
        button.setIconSize(QSize(16, 16))
        button.clicked.connect(lambda: self.step(way))
        return button

    def _lay_out(self) -> None:
        self.slider.setAccessibleName("History of the samples")
        self.slider.setPageStep(1)
        for page in (self.empty, self.grid, self.scatter):
            self.pages.addWidget(page)
        foot = QHBoxLayout()
        foot.setSpacing(6)
        foot.addWidget(self.back)
        foot.addWidget(self.slider, 1)
        foot.addWidget(self.on)
        self.body.addWidget(self.pages, 1)
        self.body.addLayout(foot)
        self.body.addWidget(self.strip)

    def _dress(self) -> None:
        self.back.setIcon(self._theme.icon("chevron-left", "muted"))
        self.on.setIcon(self._theme.icon("chevron-right", "muted"))
