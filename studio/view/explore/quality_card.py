"""The part `Quality by steps`: the distance of samples to data over the number of steps."""

import math

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QHideEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QShowEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QVBoxLayout, QWidget

from studio.model.quality_model import QualityModel
from studio.theme.theme import Theme
from studio.view.explore.tool import Tool
from studio.view.widgets.card import head, label

_LEFT, _RIGHT, _TOP, _BOTTOM = 40.0, 8.0, 8.0, 18.0


class QualityPlot(QWidget):
    """Sliced distance over steps, both logarithmic; a dashed line is where real samples lie."""

    def __init__(self, quality: QualityModel, theme: Theme) -> None:
        super().__init__()
        self._quality, self._theme = quality, theme
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Quality by steps")
        quality.changed.connect(self._on_change)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """A small plot."""
        return QSize(200, 130)

    def place(self, steps: int, value: float) -> QPointF:
        """Where a figure lies."""
        counts, (low, high) = self._quality.counts, self._ends()
        across = counts.index(steps) / max(1, len(counts) - 1) if steps in counts else 0.0
        up = (math.log(value) - math.log(low)) / (math.log(high) - math.log(low))
        box = self._box()
        return QPointF(box.left() + across * box.width(), box.bottom() - up * box.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Axes, the floor, the figures."""
        painter, tokens = QPainter(self), self._theme.tokens
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = painter.font()
        font.setPixelSize(11)
        painter.setFont(font)
        box, found = self._box(), self._quality.found
        painter.setPen(QPen(QColor(tokens.line), 1))
        painter.drawLine(box.bottomLeft(), box.bottomRight())
        painter.setPen(QColor(tokens.muted))
        for count in self._quality.counts:
            x = self.place(count, self._ends()[0]).x()
            under = QRectF(x - 20, box.bottom() + 3, 40, 14)
            painter.drawText(under, Qt.AlignmentFlag.AlignCenter, str(count))
        if found:
            self._draw(painter)
        painter.end()

    def _draw(self, painter: QPainter) -> None:
        tokens, found, box = self._theme.tokens, self._quality.found, self._box()
        for value in self._ends():
            y = self.place(1, value).y()
            beside = QRectF(0, y - 7, _LEFT - 6, 14)
            flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(beside, flags, f"{value:.2g}")
        floor = self.place(1, next(iter(found.values())).floor_sliced).y()
        painter.setPen(QPen(QColor(tokens.muted), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(box.left(), floor), QPointF(box.right(), floor))
        points = [self.place(count, answer.sliced) for count, answer in sorted(found.items())]
        painter.setPen(QPen(QColor(tokens.models[0]), 1.5))
        painter.drawPolyline(QPolygonF(points))
        painter.setBrush(QColor(tokens.models[0]))
        for point in points:
            painter.drawEllipse(point, 3.0, 3.0)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """The figures under the cursor in words."""
        counts = [count for count in self._quality.counts if count in self._quality.found]
        if not counts:
            return
        low = self._ends()[0]
        x = event.position().x()
        nearest = min(counts, key=lambda count: abs(self.place(count, low).x() - x))
        QToolTip.showText(event.globalPosition().toPoint(), self.told(nearest), self)

    def told(self, count: int) -> str:
        """What is known of a number of steps."""
        answer = self._quality.found[count]
        reference = "pictures held out" if answer.held_out else "other data"
        return (
            f"{count} steps, {answer.nfe} NFE, n = {answer.count:,}: sliced {answer.sliced:.3f}, "
            f"kernel {answer.kernel:.4f}.\nReal against the same {reference}: sliced "
            f"{answer.floor_sliced:.3f}, kernel {answer.floor_kernel:.4f}."
        )

    def _box(self) -> QRectF:
        width, height = self.width() - _LEFT - _RIGHT, self.height() - _TOP - _BOTTOM
        return QRectF(_LEFT, _TOP, max(1.0, width), max(1.0, height))

    def _ends(self) -> tuple[float, float]:
        """The least and the most that is shown."""
        found = self._quality.found.values()
        values = [v for a in found for v in (a.sliced, a.floor_sliced) if v > 0]
        if not values:
            return 0.1, 1.0
        low, high = min(values), max(values)
        return (low / 1.1, high * 1.1) if high > low else (low / 2, low * 2)

    def _on_change(self) -> None:
        known = [self.told(count).split("\n")[0] for count in sorted(self._quality.found)]
        self.setAccessibleDescription(" ".join(known))
        self.update()


class QualityPart(QWidget):
    """Measures while it is seen."""

    def __init__(self, quality: QualityModel, theme: Theme) -> None:
        super().__init__()
        self._quality = quality
        self.plot, self.about = QualityPlot(quality, theme), label("", "small")
        self.said = label("", "small")
        self.said.setWordWrap(True)
        tip = "Measure now, though it slows the training"
        self.now = Tool(theme, "target", "Measure now", quality.force, "Measure now", tip)
        top = head()
        top.addWidget(label("Quality by steps", "title"))
        top.addStretch(1)
        top.addWidget(self.about)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(top)
        column.addWidget(self.plot)
        column.addWidget(self.said)
        column.addWidget(self.now)
        self.setToolTip(
            "Distance of samples to data, sliced Wasserstein on raw values (not an FID), by the "
            "number of steps from noise. Dashed: as many real samples."
        )
        quality.changed.connect(self._show)
        self._show()

    def showEvent(self, event: QShowEvent) -> None:
        """Begin to measure."""
        self._quality.want(True)

    def hideEvent(self, event: QHideEvent) -> None:
        """Measure no more."""
        self._quality.want(False)

    def _show(self) -> None:
        found, counts = self._quality.found, self._quality.counts
        first = next(iter(found.values()), None)
        self.about.setText(f"sliced · n = {first.count:,}" if first else "")
        waiting = "" if len(found) == len(counts) else f"{len(found)} of {len(counts)} measured"
        if self._quality.waits:
            waiting = "Waits until the training is done."
        self.now.setVisible(self._quality.waits)
        self.said.setText(self._quality.problem or waiting)
        self.said.setVisible(bool(self.said.text()))
