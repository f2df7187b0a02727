"""All models of the window, made and wired in one place."""

from pathlib import Path

from PySide6.QtCore import QObject

from studio.link.link import Link
from studio.model.catalogue_model import CatalogueModel
from studio.model.engine_model import EngineModel
from studio.model.explore_model import ExploreModel
from studio.model.form_model import FormModel
from studio.model.runs_model import RunsModel
from studio.model.session import Session


class Models(QObject):
    """What the views are built on."""

    def __init__(self, link: Link, settings: Path | None = None) -> None:
        super().__init__()
        self.link = link
        self.engine = EngineModel(link, self)
        self.catalogue = CatalogueModel(link, self)
        self.form = FormModel(self.catalogue, self)
        self.runs = RunsModel(link, self)
        self.explore = ExploreModel(link, self)
        self.session = Session(settings, self)
        self.runs.sealed.connect(self.explore.refresh)
