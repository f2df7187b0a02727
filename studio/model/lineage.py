"""Where the run in sight started from: its parent's curve, and what it does otherwise."""

from PySide6.QtCore import QObject, Signal

from engine.contract.lineage import changes, parted
from engine.contract.messages import Progress
from engine.contract.schema import Difference
from engine.contract.specs import RunSpec
from studio.link.link import Link, LinkError
from studio.model.newest import Newest
from studio.model.origin import Origin
from studio.model.run_model import RunModel
from studio.model.runs_model import RunsModel


class Lineage(QObject):
    """Follows `runs.current`; `start` is "" where that began with new weights.

    `parent_run` is the run that it started from, None where that is a model or gone.
    """

    changed = Signal()

    def __init__(self, link: Link, runs: RunsModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._link, self._runs = link, runs
        self._origin = Origin(link, self)
        self._spec: RunSpec | None = None  # of the run in sight
        self._read = Newest(self._ask)
        self._shown: tuple[str, str] = "", ""  # the run in sight, and what it started from
        self.parent_run: RunModel | None = None
        self._origin.changed.connect(self.changed)
        runs.current_changed.connect(self._follow)
        runs.changed.connect(self._follow)
        runs.progressed.connect(self._on_progress)

    @property
    def start(self) -> str:
        """The model that the run in sight started from, RUN@STEP of a run."""
        return self._shown[1]

    @property
    def step(self) -> int:
        """The step of the parent at which it did, 0 where that is not known."""
        return parted(self.start)[1] or 0

    def changes(self) -> list[Difference] | None:
        """What it does otherwise than its parent; None while that is not known."""
        if self._spec is None or self._origin.spec is None:
            return None
        return changes(self._origin.spec, self._spec)

    def _follow(self) -> None:
        info = self._runs.current.info if self._runs.current else None
        name, start = (info.name, info.start) if info and info.start else ("", "")
        if name != self._shown[0]:
            self._spec = None
        known, self._shown = self._shown, (name, start)
        self._follow_parent()
        if start and self._spec is None:
            self._read.wish()
        self._origin.follow(start, name)
        self._origin.again()  # the run may have its own copy by now
        if known != self._shown:
            self.changed.emit()

    def _follow_parent(self) -> None:
        info = self._runs.find(parted(self.start)[0]) if self.start else None
        if self.parent_run is not None and (info is None or info.name != self.parent_run.name):
            self.parent_run.setParent(None)  # deleted when what it still reads has been read
            self.parent_run = None
            self.changed.emit()
        if info is None:
            return
        if self.parent_run is None:
            self.parent_run = RunModel(self._link, info, self)
            self.parent_run.take_info(info)
            self.changed.emit()
        elif info != self.parent_run.info:
            self.parent_run.take_info(info)

    async def _ask(self) -> None:
        """Read the spec of the run in sight; right after its start there is none yet."""
        run = self._runs.current
        if run is None or run.name != self._shown[0]:
            return
        try:
            spec = await run.spec()
        except LinkError:
            return  # asked again at the next news of it
        if run.name == self._shown[0]:
            self._spec = spec
            self.changed.emit()

    def _on_progress(self, progress: Progress) -> None:
        if self.parent_run and progress.run == self.parent_run.name:
            self.parent_run.take_progress(progress)
