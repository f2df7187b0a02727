"""Everything that the page Explore shows."""

from typing import NamedTuple

from studio.model.catalogue_model import CatalogueModel
from studio.model.chord_model import ChordModel
from studio.model.companions import Companions
from studio.model.explore_model import ExploreModel
from studio.model.field_model import FieldModel
from studio.model.film_model import FilmModel
from studio.model.held_model import HeldModel
from studio.model.map_model import MapModel
from studio.model.picture_field_model import PictureFieldModel
from studio.model.pixel_model import PixelModel
from studio.model.quality_model import QualityModel
from studio.model.runs_model import RunsModel
from studio.model.schedule_model import ScheduleModel
from studio.model.step_model import StepModel


class Closer(NamedTuple):
    """What looks closer at the jump in hand: at a place of it, at its pixels, at its fields."""

    held: HeldModel
    chord: ChordModel
    pixels: PixelModel
    picture_fields: PictureFieldModel


class Exploring(NamedTuple):
    """The model in hand and what belongs to it, and all models and runs that there are."""

    explore: ExploreModel
    maps: MapModel
    film: FilmModel
    companions: Companions
    quality: QualityModel
    schedule: ScheduleModel
    training_step: StepModel
    fields: FieldModel
    closer: Closer
    catalogue: CatalogueModel
    runs: RunsModel
