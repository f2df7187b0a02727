"""A map over (t, s) as far as it is known."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.contract.catalogue import Model
from engine.contract.maps import LOSS_PARTS, PARTS, loss_cells, map_cells, map_parts


class Field(NamedTuple):
    """A map as far as it is known: `values` [k] at the places `cells` [k, 2], nan where not yet.

    They are inf where the model has no finite answer. `size` is the side of a place; `nothing` [k]
    is what staying scores. Of a training's loss `share` [k] says how much of the training lies in
    each place, after `step` updates; its values are nan where it never was.
    """

    cells: NDArray[np.float64]
    values: NDArray[np.float32]
    nothing: NDArray[np.float32]
    size: float
    memorises: bool = False
    share: NDArray[np.float32] | None = None
    step: int = -1

    @property
    def most(self) -> float:
        """The largest value that is known, 0 where none is."""
        known = self.values[np.isfinite(self.values)]
        return float(known.max()) if len(known) else 0.0

    @property
    def whole(self) -> bool:
        """Whether every place is known that ever will be."""
        return self.share is not None or not np.isnan(self.values).any()

    def at(self, t: float, s: float) -> float:
        """The value of the place that (t, s) lies in; nan where none is known."""
        place = self._place(t, s)
        return float("nan") if place is None else float(self.values[place])

    def share_at(self, t: float, s: float) -> float:
        """How much of the training lies in the place of (t, s)."""
        place = self._place(t, s)
        return 0.0 if place is None or self.share is None else float(self.share[place])

    def _place(self, t: float, s: float) -> int | None:
        if not len(self.cells):
            return None
        apart = np.abs(self.cells - (t, s)).max(1)
        nearest = int(apart.argmin())
        return nearest if apart[nearest] <= self.size else None


def empty(model: Model) -> Field:
    """A map of which nothing is known yet."""
    parts = PARTS[model.data.kind]
    cells = np.array(map_cells(model, parts), float).reshape(-1, 2)
    size = 1 / map_parts(model, parts)
    unknown = np.full(len(cells), np.nan, np.float32)
    return Field(cells, unknown, unknown.copy(), size)


def trained(step: int, sums: NDArray[np.float32], counts: NDArray[np.float32]) -> Field:
    """The mean loss of a training in each place, and how much of it lies there."""
    sums, counts = sums.ravel(), counts.ravel()
    mean = np.full(len(sums), np.nan, np.float32)
    np.divide(sums, counts, out=mean, where=counts > 0)
    share = counts / max(float(counts.sum()), 1e-9)
    cells = np.array(loss_cells(), float)
    return Field(cells, mean, np.zeros(0, np.float32), 1 / LOSS_PARTS, share=share, step=step)
