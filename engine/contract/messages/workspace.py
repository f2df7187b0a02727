"""Messages about the catalogue, imports and exports, between the studio and the hub."""

from msgspec import Struct

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


class Inspect(Request, frozen=True):
    """What a file holds that somebody else made, looked at under limits. Answered by Inspected.

    With `out`, an absolute path, what is taken of it is written there as safetensors. `memory`
    (bytes) and `seconds` may widen or lower the limits; 0 leaves them.
    """

    path: str
    out: str = ""
    memory: int = 0
    seconds: float = 0.0


class Export(Request, frozen=True):
    """Run `flowmap-engine COMMAND --out PATH` beside everything else. Answered by Exported.

    `values`, float32, are those of a map that was measured already: the command asks no more.
    """

    command: tuple[str, ...]
    path: str
    values: bytes = b""


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
    """A data set was imported; `skipped` names files that were not pictures, with the reason.

    `notes` say what else there is to know of it.
    """

    id: int
    data: DataSet
    skipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Held(Struct, frozen=True):
    """One thing in a file; `refused` says why it is not taken, empty where it is."""

    name: str
    shape: tuple[int, ...] = ()
    dtype: str = ""
    refused: str = ""


class Inspected(Message, frozen=True):
    """What a file holds. Nothing in it was run, and nothing outside it was read.

    `held` may be cut to the first of `count`; `wrote` says how many are in `out`.
    """

    id: int
    kind: str
    count: int
    held: tuple[Held, ...] = ()
    note: str = ""
    wrote: int = 0


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
