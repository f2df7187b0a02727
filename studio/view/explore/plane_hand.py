"""A hand in the plane: it drags a point of x_t, or chooses the place that x_t comes from."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt

from studio.export.plot import Window
from studio.model.explore_model import ExploreModel
from studio.model.sources import with_moved, with_point
from studio.model.states import States
from studio.view.explore.plot_drawing import Plane
from studio.view.widgets.framing import nice_above

NEAR = 12.0  # pixels within which a point is taken
STEP = 0.01  # of the window's side that an arrow key moves; with Shift ten times as far
_WIDE = 3.0  # half of the least window around one sample: data is about one wide
_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Down: (0, -1),
    Qt.Key.Key_Up: (0, 1),
}


class PlaneHand:
    """Holds one point at a time, -1 for none; what it moves goes to the model at once."""

    def __init__(self, explore: ExploreModel) -> None:
        self._explore = explore
        self.held = -1

    def press(self, pixel: QPointF, plane: Plane) -> None:
        """Take hold of what is near."""
        if self._chooses:
            self._choose(*plane.place(pixel))
        else:
            self.held = self._near(pixel, plane)

    def drag(self, pixel: QPointF, plane: Plane) -> None:
        """Move what is held."""
        if self._chooses:
            self._choose(*plane.place(pixel))
        elif self.held >= 0:
            self._put(self.held, *plane.place(pixel))

    def release(self) -> None:
        """Let go."""
        self.held = -1

    def key(self, key: Qt.Key, far: bool, window: Window) -> bool:
        """Move by an arrow key what was moved last, at first the point in the middle."""
        way, states = _ARROWS.get(key), self._states
        if way is None or states is None:
            return False
        x, y = (2 * window.half * STEP * (10 if far else 1) * step for step in way)
        if self._chooses:
            sample = self._explore.source.sample
            here = sample.point if sample and sample.point else (window.x, window.y)
            self._choose(here[0] + x, here[1] + y)
            return True
        moved = [one for one in self._explore.source.moved if one.index < len(states.x_t)]
        if moved:
            self._put(moved[-1].index, moved[-1].x + x, moved[-1].y + y)
        else:
            apart = np.square(states.x_t - (window.x, window.y)).sum(1)
            index = int(apart.argmin())
            self._put(index, float(states.x_t[index, 0]) + x, float(states.x_t[index, 1]) + y)
        return True

    def cursor(self, pixel: QPointF, plane: Plane) -> Qt.CursorShape:
        """What the cursor says about this place."""
        if self._chooses:
            return Qt.CursorShape.CrossCursor
        if self.held >= 0:
            return Qt.CursorShape.ClosedHandCursor
        near = self._near(pixel, plane) >= 0
        return Qt.CursorShape.OpenHandCursor if near else Qt.CursorShape.ArrowCursor

    @property
    def _chooses(self) -> bool:
        return self._explore.source.kind == "sample"

    @property
    def _states(self) -> States | None:
        states = self._explore.states
        return states if states is not None and states.x_t.ndim == 2 and len(states.x_t) else None

    def _near(self, pixel: QPointF, plane: Plane) -> int:
        if (states := self._states) is None:
            return -1
        apart = np.hypot(*(plane.pixels(states.x_t) - (pixel.x(), pixel.y())).T)
        index = int(apart.argmin())
        return index if apart[index] <= NEAR else -1

    def _put(self, index: int, x: float, y: float) -> None:
        self._explore.set_source(with_moved(self._explore.source, index, x, y))

    def _choose(self, x: float, y: float) -> None:
        self._explore.set_source(with_point(self._explore.source, x, y))


def widened(before: Window | None, *clouds: NDArray[np.float32]) -> Window:
    """The window before where it holds these points, else a wider one; it never shrinks."""
    window = before or Window(0.0, 0.0, _WIDE)
    points = np.concatenate(clouds)
    points = points[np.isfinite(points).all(1)]
    if not len(points):
        return window
    reach = float(np.abs(points - (window.x, window.y)).max())
    return window if reach <= window.half else Window(window.x, window.y, nice_above(reach))
