"""All models of the window, made and wired in one place."""

from pathlib import Path

from PySide6.QtCore import QObject

from studio.link.link import Link
from studio.model.ahead import Ahead
from studio.model.catalogue_model import CatalogueModel
from studio.model.check_model import TrialModel, VerifyModel
from studio.model.chord_model import ChordModel
from studio.model.companions import Companions
from studio.model.drawing_model import DrawingModel
from studio.model.engine_model import EngineModel
from studio.model.explore_model import ExploreModel
from studio.model.exploring import Closer, Exploring
from studio.model.field_model import FieldModel
from studio.model.film_model import FilmModel
from studio.model.form_model import FormModel
from studio.model.held_model import HeldModel
from studio.model.lineage import Lineage
from studio.model.map_model import MapModel
from studio.model.origin import Origin
from studio.model.past import Past
from studio.model.picture_field_model import PictureFieldModel
from studio.model.pixel_model import PixelModel
from studio.model.quality_model import QualityModel
from studio.model.queue_model import QueueModel
from studio.model.runs_model import RunsModel
from studio.model.schedule_model import ScheduleModel
from studio.model.session import Session
from studio.model.step_model import StepModel


class Models(QObject):
    """What the views are built on."""

    def __init__(self, link: Link, settings: Path | None = None) -> None:
        super().__init__()
        self.link = link
        self.engine = EngineModel(link, self)
        self.catalogue = CatalogueModel(link, self)
        self.form = FormModel(self.catalogue, self, Origin(link, self))
        self.drawing = DrawingModel(self.catalogue, self.form, self)
        self.runs = RunsModel(link, self)
        self.queue = QueueModel(link, self.runs, self)
        self.trial, self.verify = TrialModel(link, self), VerifyModel(link, self)
        self.lineage = Lineage(link, self.runs, self)
        self.explore = ExploreModel(link, self)
        self.maps = MapModel(link, self.explore, self)
        self.film = FilmModel(link, self.explore, self.runs, self)
        self.companions = Companions(link, self.explore, self)
        self.past = Past(self.explore, self.maps, self.film, self.companions, self)
        self.quality = QualityModel(link, self.explore, self)
        self.ahead = Ahead(self.explore, self.maps, self.quality, self.companions, self)
        self.schedule = ScheduleModel(self.explore, self.quality, self)
        self.training_step = StepModel(link, self.explore, self)
        self.fields = FieldModel(link, self.explore, self)
        self.closer = Closer(
            HeldModel(link, self.explore, self.maps, self.quality, self),
            ChordModel(link, self.explore, self),
            PixelModel(link, self.explore, self.companions, self),
            PictureFieldModel(link, self.explore, self),
        )
        held = self.closer.held
        self.ahead.wait_for(lambda: held.asking, held.changed)
        self.companions.changed.connect(self._compare)
        self.runs.changed.connect(self._hold)
        self.runs.sealed.connect(self.companions.refresh)
        self.session = Session(settings, self)
        self.runs.sealed.connect(self.explore.refresh)
        self.runs.sealed.connect(lambda run, step: self.form.look_again())
        self.film.forked.connect(self.form.set_spec)

    @property
    def exploring(self) -> Exploring:
        """What the page Explore shows."""
        return Exploring(
            self.explore,
            self.maps,
            self.film,
            self.companions,
            self.quality,
            self.schedule,
            self.training_step,
            self.fields,
            self.closer,
            self.catalogue,
            self.runs,
        )

    def _hold(self) -> None:
        self.quality.hold(any(run.state in ("starting", "running") for run in self.runs.runs))

    def _compare(self) -> None:
        """Distances are measured to the first of the other models."""
        self.maps.compare(next(iter(self.companions.models), None))
