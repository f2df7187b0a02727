"""Jumps around the hand, asked ahead of it."""

from collections.abc import Callable, Iterator

from PySide6.QtCore import QObject, SignalInstance

from studio.link.link import LinkError
from studio.model.companions import Companions
from studio.model.explore_model import PLACE, ExploreModel
from studio.model.map_model import MapModel
from studio.model.newest import Newest
from studio.model.quality_model import QualityModel

RINGS = 6  # around the hand
SLOW = 150.0  # ms of a jump from which on a hand would wait for what is asked ahead
REST = 0.5  # seconds without a wish before anything is asked ahead


def around(t: float, s: float) -> Iterator[tuple[float, float]]:
    """Places (t, s) on the grid, s <= t, outward from where the hand is."""
    columns, rows, parts = round(t / PLACE), round(s / PLACE), round(1 / PLACE)
    for ring in range(1, RINGS + 1):
        for i in range(-ring, ring + 1):
            for k in range(-ring, ring + 1):
                column, row = columns + i, rows + k
                if max(abs(i), abs(k)) == ring and 0 <= row <= column <= parts:
                    yield column / parts, row / parts


class Ahead(QObject):
    """Asks for the pictures around the hand while nothing else is to be done."""

    def __init__(
        self,
        explore: ExploreModel,
        maps: MapModel,
        quality: QualityModel,
        companions: Companions,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._explore, self._maps = explore, maps
        self._quality, self._companions = quality, companions
        self._busy: Callable[[], bool] = lambda: False
        self._fills = Newest(self._fill)
        for signal in (explore.states_changed, maps.changed, quality.changed, companions.changed):
            signal.connect(self._wish)

    def wait_for(self, busy: Callable[[], bool], changed: SignalInstance) -> None:
        """Ask nothing while somebody else is `busy`; look again as that has `changed`."""
        self._busy = busy
        changed.connect(self._wish)

    def _wish(self) -> None:
        if self._may:
            self._fills.wish()

    @property
    def _may(self) -> bool:
        """Nobody else waits for the engine, and nobody would have to wait long."""
        explore, maps, quality = self._explore, self._maps, self._quality
        states = explore.states
        if states is None or states.x_s.ndim != 4 or states.ms > SLOW or explore.playing:
            return False
        mapping = maps.field is not None and not maps.field.whole
        measuring = (
            quality.wanted and not quality.problem and len(quality.found) < len(quality.counts)
        )
        return not (self._busy() or mapping or measuring or quality.held or self._companions.all)

    async def _fill(self) -> None:
        if not await self._fills.quiet(REST):
            return  # a newer wish begins anew
        for t, s in around(self._explore.t, self._explore.s):
            if self._fills.waiting or not self._may:
                return
            try:
                await self._explore.fetch(t, s)
            except LinkError:
                return
