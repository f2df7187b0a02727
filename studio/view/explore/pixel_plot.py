"""Curves of pixels over time: how bright each is on its way, and below that its own colour."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from studio.model.explore_model import ExploreModel
from studio.model.pixel_model import Pixel, PixelModel, PixelPaths, brightness
from studio.theme.theme import Theme
from studio.view.explore.pixel_colours import pixel_colour
from studio.view.explore.pixel_hand import Pointing
from studio.view.widgets.framing import nice_above

_LEFT, _RIGHT, _TOP, _BOTTOM = 30.0, 12.0, 6.0, 16.0
_RIBBON, _GAP = 6.0, 3.0
_LOW, _HIGH = 96, 180  # height of the curves, in a low window and at most
_STALE = 0.4  # opacity of what is of another jump


class PixelPlot(QWidget):
    """Data (t = 0) on the left, noise on the right; learned paths full, true ones dashed."""

    def __init__(
        self, explore: ExploreModel, pixels: PixelModel, pointing: Pointing, theme: Theme
    ) -> None:
        super().__init__()
        self._explore, self._pixels, self._pointing = explore, pixels, pointing
        self._theme = theme
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Paths of pixels")
        pixels.changed.connect(self._on_change)
        explore.states_changed.connect(self.update)
        pointing.changed.connect(self.update)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Curves, and a ribbon for each pixel."""
        ribbons = len(self._pixels.chosen) * (_RIBBON + _GAP)
        return QSize(300, round(_TOP + self._curves + ribbons + _BOTTOM))

    @property
    def _curves(self) -> int:
        """How high the curves are: pictures come first where the window is low."""
        return min(_HIGH, max(_LOW, _LOW + (self.window().height() - 800) // 4))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The window may have become higher or lower."""
        if self.height() != self.sizeHint().height():
            self.updateGeometry()

    def place(self, time: float, value: float) -> QPointF:
        """Where a brightness lies."""
        box, reach = self._box(), self._reach()
        up = (value + reach) / (2 * reach)
        return QPointF(box.left() + time * box.width(), box.bottom() - up * box.height())

    def told(self, pixel: Pixel, time: float) -> str:
        """What is known of a pixel at the time that is nearest."""
        paths = self._pixels.paths
        if paths is None or paths.learned is None or pixel not in paths.pixels:
            return named(pixel)
        k, row = _nearest(paths.times, time), paths.pixels.index(pixel)
        value = paths.learned[k, row]
        said = f"{named(pixel)} at {paths.times[k]:.3f}: {_colour_words(value)}"
        if paths.exact is not None:
            said += f"\ntrue: {_colour_words(paths.exact[k, row])}"
        return said

    def paintEvent(self, event: QPaintEvent) -> None:
        """Axes, ribbons, curves, and where the jump in sight begins and ends."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = painter.font()
        font.setPixelSize(11)
        painter.setFont(font)
        self._draw_axes(painter)
        paths = self._pixels.paths
        if paths is not None:
            painter.setOpacity(1.0 if self._pixels.fresh else _STALE)
            self._draw_paths(painter, paths)
            painter.setOpacity(1.0)
        self._draw_ends(painter)
        painter.end()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """The nearest path in words."""
        box, paths = self._box(), self._pixels.paths
        time = (event.position().x() - box.left()) / box.width()
        if paths is None or paths.learned is None or not self._pixels.chosen:
            return
        k = _nearest(paths.times, time)
        rows = {
            pixel: row for row, pixel in enumerate(paths.pixels) if pixel in self._pixels.chosen
        }
        if not rows:
            return
        bright = brightness(paths.learned[k])
        y = event.position().y()
        apart = {p: abs(self.place(time, float(bright[n])).y() - y) for p, n in rows.items()}
        nearest = min(apart, key=lambda pixel: apart[pixel])
        self._pointing.hover(nearest)
        QToolTip.showText(event.globalPosition().toPoint(), self.told(nearest, time), self)

    def leaveEvent(self, event: object) -> None:
        """No path is pointed at."""
        self._pointing.hover(None)

    def _draw_axes(self, painter: QPainter) -> None:
        tokens, box = self._theme.tokens, self._box()
        for value in (-1.0, 0.0, 1.0):
            y = round(self.place(0, value).y()) + 0.5
            painter.setPen(QPen(QColor(tokens.line), 1))
            painter.drawLine(QPointF(box.left(), y), QPointF(box.right(), y))
            painter.setPen(QColor(tokens.muted))
            beside = QRectF(0, y - 7, _LEFT - 6, 14)
            flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(beside, flags, f"{value:.0f}".replace("-", "−"))
        states, low = self._explore.states, self.height() - _BOTTOM + 2
        named_times = [(0.0, "data"), (1.0, "noise")]
        if states is not None:
            for time, word in ((states.t, "t"), (states.s, "s")):
                x = box.left() + time * box.width()
                painter.setPen(QPen(QColor(tokens.muted), 1, Qt.PenStyle.DotLine))
                painter.drawLine(QPointF(x, box.top()), QPointF(x, self.height() - _BOTTOM))
                if 0.08 < time < 0.92:
                    named_times.append((time, word))
        painter.setPen(QColor(tokens.muted))
        for time, word in named_times:
            x = min(max(box.left() + time * box.width(), 20.0), self.width() - 20.0)
            under = QRectF(x - 20, low, 40, 14)
            painter.drawText(under, Qt.AlignmentFlag.AlignCenter, word)

    def _draw_paths(self, painter: QPainter, paths: PixelPaths) -> None:
        for row, pixel in enumerate(paths.pixels):
            if pixel not in self._pixels.chosen:
                continue
            colour = QColor(pixel_colour(self._theme.tokens, self._pixels.chosen[pixel]))
            wide = 2.6 if pixel == self._pointing.hovered else 1.6
            if paths.exact is not None:
                dashed = QPen(colour, wide - 0.4, Qt.PenStyle.CustomDashLine)
                dashed.setDashPattern([4, 3])
                self._draw_curve(painter, paths.times, paths.exact[:, row], dashed)
            if paths.learned is not None:
                self._draw_curve(painter, paths.times, paths.learned[:, row], QPen(colour, wide))
                self._draw_ribbon(painter, paths, row, list(self._pixels.chosen).index(pixel))

    def _draw_curve(
        self, painter: QPainter, times: tuple[float, ...], values: NDArray[np.float32], pen: QPen
    ) -> None:
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        bright = brightness(values).tolist()
        points = [self.place(time, value) for time, value in zip(times, bright, strict=True)]
        painter.drawPolyline(QPolygonF(points))

    def _draw_ribbon(self, painter: QPainter, paths: PixelPaths, row: int, place: int) -> None:
        """The pixel's own colour at each time; a dab of its mark's colour before it."""
        assert paths.learned is not None
        box, y = self._box(), self._ribbon(place)
        colour = QColor(pixel_colour(self._theme.tokens, self._pixels.chosen[paths.pixels[row]]))
        painter.fillRect(QRectF(_LEFT - 14, y, 8, _RIBBON), colour)
        low, high = sorted((paths.times[0], paths.times[-1]))
        if high <= low:
            return
        width = 256
        at = np.linspace(low, high, width)
        order = np.argsort(paths.times)
        known, values = np.array(paths.times)[order], paths.learned[order, row]
        shades = np.stack([np.interp(at, known, channel) for channel in values.T], 1)
        pixels = np.clip(127.5 * (shades + 1), 0, 255).astype(np.uint8)
        pixels = np.ascontiguousarray(np.broadcast_to(pixels, (width, 3)))
        image = QImage(pixels.tobytes(), width, 1, 3 * width, QImage.Format.Format_RGB888)
        across = box.left() + low * box.width(), (high - low) * box.width()
        painter.drawImage(QRectF(across[0], y, across[1], _RIBBON), image)

    def _draw_ends(self, painter: QPainter) -> None:
        """Where the pictures in sight stand: it follows the hand, however late the paths are."""
        states = self._explore.states
        if states is None or states.x_t.ndim != 4 or self._pixels.fresh:
            return
        painter.setPen(Qt.PenStyle.NoPen)
        for (index, down, across), number in self._pixels.chosen.items():
            if index < len(states.x_s):
                painter.setBrush(QColor(pixel_colour(self._theme.tokens, number)))
                value = states.x_s[index, down, across].astype(np.float32) / 127.5 - 1
                painter.drawEllipse(self.place(states.s, float(brightness(value))), 3.0, 3.0)

    def _box(self) -> QRectF:
        width = self.width() - _LEFT - _RIGHT
        return QRectF(_LEFT, _TOP, max(1.0, width), float(self._curves))

    def _ribbon(self, place: int) -> float:
        return _TOP + self._curves + _GAP + place * (_RIBBON + _GAP)

    def _reach(self) -> float:
        """How bright, and how dark, the curves are shown."""
        paths = self._pixels.paths
        found = [] if paths is None else [paths.learned, paths.exact]
        known = [brightness(one) for one in found if one is not None]
        most = max(
            (float(np.abs(one[np.isfinite(one)]).max(initial=0)) for one in known), default=0
        )
        return nice_above(max(1.2, most))

    def _on_change(self) -> None:
        paths, said = self._pixels.paths, []
        for pixel in self._pixels.chosen:
            if paths is not None:
                said.append(self.told(pixel, paths.times[-1]))
        self.setAccessibleDescription(". ".join(said))
        self.updateGeometry()
        self.update()


def named(pixel: Pixel) -> str:
    """A pixel in words."""
    return f"picture {pixel[0] + 1}, row {pixel[1] + 1}, column {pixel[2] + 1}"


def _nearest(times: tuple[float, ...], time: float) -> int:
    return min(range(len(times)), key=lambda k: abs(times[k] - time))


def _colour_words(value: NDArray[np.float32]) -> str:
    said = f"brightness {float(brightness(value)):.2f}"
    if len(value) == 3:
        said += " (red {:.2f}, green {:.2f}, blue {:.2f})".format(*value.tolist())
    return said.replace("-", "−")
