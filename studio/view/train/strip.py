"""The previews of a run side by side; of ten thousand only what is in sight is loaded."""

import asyncio
from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QRect, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QHelpEvent,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QToolTip

from engine.contract.journal import Sampled
from studio.export.plot import Window
from studio.link.link import LinkClosed, LinkError
from studio.model.newest import Newest
from studio.model.run_model import Preview, RunModel
from studio.theme.theme import Theme
from studio.view.train.preview_decode import tile
from studio.view.widgets.framing import framed

SIDE = 40  # pixels of a thumbnail
KEPT = 400  # thumbnails in memory: a few screens
GAP, ROUND = 3, 4
EACH = SIDE + 2 * GAP  # pixels from one to the next
FEW = 2  # pictures of a grid in each direction that a thumbnail shows: more are no pictures
SMOOTH = Qt.TransformationMode.SmoothTransformation


class Strip(QAbstractScrollArea):
    """`chosen(row)` is the preview that a person picks, oldest first; the wheel goes along it.

    It costs what is in sight: a list view of Qt asks a model about every row when one is added.
    """

    chosen = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._run: RunModel | None = None
        self._loads = Newest(self._load)
        self._blank = QImage()
        self.current = -1
        self._beginnings = 0  # of the run, when the thumbnails were made
        self.thumbnails: OrderedDict[str, QImage] = OrderedDict()  # by file, oldest look first
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFixedHeight(EACH)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Samples side by side")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the slider above has the keys
        self.horizontalScrollBar().setSingleStep(EACH)
        theme.changed.connect(self._dress)
        self._dress()

    @property
    def samples(self) -> list[Sampled]:
        """The previews, oldest first."""
        return self._run.samples if self._run else []

    def show_run(self, run: RunModel | None) -> None:
        """Show another run."""
        self._run, self.current = run, -1
        self._dress()
        self.refresh()

    def refresh(self) -> None:
        """The run has grown, or was taken back."""
        if self._run is not None and self._run.beginnings != self._beginnings:
            self._beginnings = self._run.beginnings
            self.thumbnails.clear()
        reach = max(0, len(self.samples) * EACH - self.viewport().width())
        self.horizontalScrollBar().setRange(0, reach)
        self.horizontalScrollBar().setPageStep(self.viewport().width())
        self.viewport().update()

    def show_row(self, row: int) -> None:
        """Mark a preview and bring it into sight."""
        self.current = row
        bar, left = self.horizontalScrollBar(), row * EACH
        if not bar.value() <= left <= bar.value() + self.viewport().width() - EACH:
            bar.setValue(left - (self.viewport().width() - EACH) // 2)
        samples = self.samples
        step = f"step {samples[row].step:,}" if 0 <= row < len(samples) else ""
        self.setAccessibleDescription(step)
        self.viewport().update()

    def seen(self) -> range:
        """The rows in sight."""
        left = self.horizontalScrollBar().value()
        last = (left + self.viewport().width() - 1) // EACH + 1
        return range(left // EACH, min(last, len(self.samples)))

    async def load(self, row: int) -> None:
        """Fetch a preview and make its thumbnail, off the window's thread. Raises LinkError."""
        run, samples, tokens = self._run, self.samples, self._theme.tokens
        if run is None or row >= len(samples):
            return
        sampled, theme, beginnings = samples[row], tokens.name, run.beginnings
        preview = await run.picture(sampled)
        colours = QColor(tokens.accent).rgb(), QColor(tokens.field).rgb()
        made = await asyncio.to_thread(thumbnail, preview, self._side(), *colours)
        if (run, theme, beginnings) == (self._run, self._theme.tokens.name, run.beginnings):
            self._keep(sampled.file, made)

    def paintEvent(self, event: QPaintEvent) -> None:
        """What is in sight; what has no thumbnail yet is wished for."""
        painter = QPainter(self.viewport())
        samples = self.samples
        for row in self.seen():
            image = self.thumbnails.get(samples[row].file)
            if image is None:
                self._loads.wish()
            painter.drawImage(self._place(row), image or self._blank)
        if self.current in self.seen():
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(QColor(self._theme.tokens.accent), 2))
            painter.drawRoundedRect(self._place(self.current), ROUND, ROUND)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The preview under the cursor is chosen."""
        row = self._row(event.position().x())
        if event.button() == Qt.MouseButton.LeftButton and row >= 0:
            self.chosen.emit(row)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Any wheel goes along the strip."""
        turned = event.pixelDelta() if event.hasPixelDelta() else event.angleDelta()
        bar = self.horizontalScrollBar()
        bar.setValue(bar.value() - (turned.y() or turned.x()))
        event.accept()

    def viewportEvent(self, event: QEvent) -> bool:
        """The tooltip is the step under the cursor."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            row = self._row(event.pos().x())
            text = f"step {self.samples[row].step:,}" if row >= 0 else ""
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().viewportEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """What is chosen stays in sight."""
        super().resizeEvent(event)
        self.refresh()
        self.show_row(self.current)

    async def _load(self) -> None:
        """Load what is in sight, from the left, until that is something else."""
        for row in self.seen():
            samples = self.samples
            if row >= len(samples) or samples[row].file in self.thumbnails:
                continue
            try:
                await self.load(row)
            except LinkClosed:
                return  # asked again when it is painted again
            except (LinkError, ValueError):
                self._keep(samples[row].file, self._blank)  # damaged: it stays empty
            if row not in self.seen():
                self._loads.wish()
                return

    def _keep(self, file: str, image: QImage) -> None:
        self.thumbnails[file] = image
        while len(self.thumbnails) > KEPT:
            self.thumbnails.popitem(last=False)
        self.viewport().update()

    def _place(self, row: int) -> QRect:
        left = row * EACH - self.horizontalScrollBar().value()
        return QRect(left + GAP, GAP, SIDE, SIDE)

    def _row(self, x: float) -> int:
        """The row at a place, -1 where there is none."""
        row = int(x + self.horizontalScrollBar().value()) // EACH
        return row if 0 <= row < len(self.samples) else -1

    def _side(self) -> int:
        return round(SIDE * self.devicePixelRatioF())

    def _dress(self) -> None:
        self._blank = blank(self._side(), QColor(self._theme.tokens.field).rgb())
        self.thumbnails.clear()
        self.viewport().update()


def thumbnail(preview: Preview, side: int, colour: int, paper: int) -> QImage:
    """A small picture of a preview on paper of a colour. Raises ValueError: it cannot be read."""
    drawn = blank(side, paper)
    painter = QPainter(drawn)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceAtop)
    painter.drawImage(0, 0, _drawn(preview, side, colour))
    painter.end()
    return drawn


def blank(side: int, paper: int) -> QImage:
    """The square of a thumbnail, round at its corners."""
    square = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
    square.fill(Qt.GlobalColor.transparent)
    painter = QPainter(square)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor.fromRgb(paper))
    radius = ROUND * side / SIDE
    painter.drawRoundedRect(0, 0, side, side, radius, radius)
    painter.end()
    return square


def _drawn(preview: Preview, side: int, colour: int) -> QImage:
    if preview.points is not None:
        return _cloud(preview.points, side, colour)
    image = QImage.fromData(preview.data)
    if image.isNull():
        raise ValueError("not a picture")
    width, height = tile(image)
    part = image.copy(0, 0, min(FEW * width, image.width()), min(FEW * height, image.height()))
    fine = part.width() <= side  # pictures of so few pixels stay sharp
    way = Qt.TransformationMode.FastTransformation if fine else SMOOTH
    return part.scaled(side, side, Qt.AspectRatioMode.IgnoreAspectRatio, way)


def _cloud(points: NDArray[np.float32], side: int, colour: int) -> QImage:
    """Points as a density of one colour."""
    window = framed(None, points) or Window(0.0, 0.0, 1.0)
    reach = (window.x - window.half, window.x + window.half)
    rise = (window.y - window.half, window.y + window.half)
    many, _, _ = np.histogram2d(points[:, 1], points[:, 0], side, (rise, reach))
    share = np.sqrt(many[::-1] / max(1.0, many.max()))
    lain = np.zeros((side, side, 4), np.uint8)
    lain[..., :3] = [colour & 255, colour >> 8 & 255, colour >> 16 & 255]
    lain[..., 3] = np.where(share > 0, 70 + 185 * share, 0)
    return QImage(lain.data, side, side, 4 * side, QImage.Format.Format_ARGB32).copy()
