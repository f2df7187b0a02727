"""A point set that a person draws, until it is a data set to train on."""

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QObject, Signal

from engine.contract.catalogue import data_name_problem, name_taken
from studio.link.link import LinkError
from studio.model.catalogue_model import CatalogueModel
from studio.model.drawing_strokes import Points, Strokes
from studio.model.form_model import FormModel
from studio.model.tasks import spawn

LEAST = 64  # points that a training can learn anything from
RADII = (0.05, 1.5)  # of the brush, in the plane's units
DENSITIES = (10.0, 1000.0)  # points for each unit of a stroke's length
Place = tuple[float, float]


class DrawingModel(QObject):
    """The drawing and the brush; kept while the board is closed, until it is used or cleared."""

    changed = Signal()
    brush_changed = Signal()
    used = Signal(str)  # the name of the data set that it has become
    refused = Signal(str)

    def __init__(
        self,
        catalogue: CatalogueModel,
        form: FormModel,
        parent: QObject | None = None,
        seed: int | None = None,
    ) -> None:
        """`seed` of the spray, for a drawing that is to come out the same again."""
        super().__init__(parent)
        self._catalogue, self._form = catalogue, form
        self._random = np.random.default_rng(seed)
        self._owed = 0.0  # part of a point that the stroke has earned
        self.strokes = Strokes()
        self.radius, self.density, self.mirror = 0.25, 150.0, False
        self.busy = False  # while the engine keeps it
        catalogue.changed.connect(self.changed)  # names are taken and free again

    def set_brush(
        self,
        radius: float | None = None,
        density: float | None = None,
        mirror: bool | None = None,
    ) -> None:
        """Take another brush, as far as it is given and within its limits."""
        if radius is not None:
            self.radius = min(max(radius, RADII[0]), RADII[1])
        if density is not None:
            self.density = min(max(density, DENSITIES[0]), DENSITIES[1])
        if mirror is not None:
            self.mirror = mirror
        self.brush_changed.emit()

    def dab(self, place: Place, share: float = 1.0) -> None:
        """Spray at one place `share` of what a way as long as the brush is wide earns."""
        self._spray(place, place, 2 * self.radius * share)

    def spray(self, start: Place, end: Place) -> None:
        """Spray along a straight way, as much as its length earns."""
        self._spray(start, end, float(np.hypot(end[0] - start[0], end[1] - start[1])))

    def wipe(self, start: Place, end: Place) -> None:
        """Wipe along a straight way."""
        if self.busy:
            return
        self.strokes.wipe(start, end, self.radius)
        if self.mirror:
            self.strokes.wipe((-start[0], start[1]), (-end[0], end[1]), self.radius)
        self.changed.emit()

    def end_stroke(self) -> None:
        """What the hand did since the last end is one step to take back."""
        self.strokes.close()
        self.changed.emit()

    def undo(self) -> None:
        """Take the last stroke back."""
        self._edit(self.strokes.undo)

    def redo(self) -> None:
        """Make it again."""
        self._edit(self.strokes.redo)

    def clear(self) -> None:
        """Wipe everything; that can be taken back too."""
        self._edit(self.strokes.clear)

    def free_name(self) -> str:
        """A name that no data set has yet."""
        number = 1
        while self._catalogue.data_set(f"drawing-{number}"):
            number += 1
        return f"drawing-{number}"

    def name_problem(self, name: str) -> str:
        """Why it cannot be called so, in a sentence; "" where it can."""
        taken = self._catalogue.data_set(name) is not None
        return data_name_problem(name) or (name_taken(name) if taken else "")

    def points_problem(self) -> str:
        """Why it is no data set yet, in a sentence; "" where it is."""
        if self.strokes.count >= LEAST:
            return ""
        return f"A data set needs at least {LEAST} points; here are {self.strokes.count}."

    def use(self, name: str) -> None:
        """Make it data set `name` and the form's data; what is in the way is told by `refused`."""
        problem = self.points_problem() or self.name_problem(name)
        if problem:
            self.refused.emit(problem)
        elif not self.busy:
            self._set_busy(True)
            spawn(self._use(name))

    async def _use(self, name: str) -> None:
        try:
            await self._catalogue.import_points(self.strokes.points(), name)
        except LinkError as error:
            self._set_busy(False)
            self.refused.emit(str(error))
            return
        self._set_busy(False)
        self.clear()
        self._form.commit()
        self._form.set("data.name", name)
        self._form.commit()
        self.used.emit(name)

    def _spray(self, start: Place, end: Place, length: float) -> None:
        """A normal spread of half the radius, cut off at the radius, along the way."""
        if self.busy:
            return
        self._owed += self.density * length
        count = int(self._owed)
        self._owed -= count
        if not count:
            return
        along = (np.arange(count) + self._random.random(count)) / count
        middle = np.array(start) + along[:, None] * (np.array(end) - np.array(start))
        points = (middle + self._scatter(count)).astype(np.float32)
        if self.mirror:
            points = np.stack((points, points * np.array((-1, 1), np.float32)), 1).reshape(-1, 2)
        self.strokes.add(points)
        self.changed.emit()

    def _scatter(self, count: int) -> Points:
        """Steps [count, 2] off the middle of the brush."""
        share = 1 - self._random.random(count) * (1 - np.exp(-2.0))  # exp(-away^2 / 2 std^2)
        away = self.radius / 2 * np.sqrt(-2 * np.log(share))
        angle = 2 * np.pi * self._random.random(count)
        found: Points = (away * (np.cos(angle), np.sin(angle))).T.astype(np.float32)
        return found

    def _edit(self, change: Callable[[], None]) -> None:
        if not self.busy:
            change()
            self.changed.emit()

    def _set_busy(self, busy: bool) -> None:
        self.busy = busy
        self.changed.emit()
