"""Messages about the catalogue, imports and exports, between the studio and the hub."""

from engine.contract.catalogue import DataSet, Method, Preset
from engine.contract.messages.base import Message, Request


class GetCatalogue(Request, frozen=True):
    """Answered by Catalogue."""


class ImportData(Request, frozen=True):
    """Import a folder of pictures or a file of points as data set `name`. Answered by Imported."""

    path: str
    name: str


class ImportPoints(Request, frozen=True):
    """Keep points that a person drew, float32 [n, 2], as data set `name`. Answered by Imported."""

    name: str
    points: bytes


class Export(Request, frozen=True):
    """Run `flowmap-engine COMMAND --out PATH` beside everything else. Answered by Exported."""

    command: tuple[str, ...]
    path: str


class CancelExport(Request, frozen=True):
    """Give up the export with the id `export`; that one is refused. Answered by Done."""

    export: int


class Catalogue(Message, frozen=True):
    """Everything that can be chosen."""

    id: int
    methods: tuple[Method, ...]
    presets: tuple[Preset, ...]
    data: tuple[DataSet, ...]
    models: tuple[str, ...]


class Imported(Message, frozen=True):
    """A data set was imported; `skipped` names files that were not pictures, with the reason."""

    id: int
    data: DataSet
    skipped: tuple[str, ...] = ()


class Exported(Message, frozen=True):
    """A file was written, whole."""

    id: int
    path: str
    size: int  # bytes


class ExportProgress(Message, frozen=True):
    """Notice: how far the export with the id `export` is; `total` is 0 while that is not known."""

    export: int
    done: int
    total: int
