"""Every message of the two streams, studio <-> hub and hub <-> worker, in one table.

Rules. Each side sends `Hello` first; differing protocols end the stream with a sentence. A request
carries a fresh `id` and gets exactly one answer with that `id`: the one named in its docstring, or
`Refused`. Notices (no `id`) come at any time and are newest-wins: the receiver may drop all but the
last. An unknown message type is refused, not fatal. A closed stream means stop.
"""

import msgspec

from engine.contract.messages.answered import (
    FieldsAnswer,
    Followed,
    Jumped,
    Looked,
    Mapped,
    Measured,
    Opened,
    RoundTrip,
    StepOpened,
    Traced,
)
from engine.contract.messages.asked import (
    Carrier,
    Fields,
    Follow,
    Jump,
    Keep,
    Look,
    Map,
    Measure,
    OpenModel,
    OpenStep,
    Sampler,
    Solver,
    Trace,
)
from engine.contract.messages.base import (
    SUPERSEDED,
    Done,
    EngineNote,
    Hello,
    Message,
    Refused,
    Request,
)
from engine.contract.messages.runs import (
    Action,
    Chunk,
    ControlRun,
    FilmAnswer,
    GetRuns,
    LossAnswer,
    Progress,
    ReadFilm,
    ReadJournal,
    ReadLoss,
    ReadSample,
    ReadSpec,
    ReadStart,
    ResumeRun,
    RunAnswer,
    RunChanged,
    RunInfo,
    Runs,
    SpecAnswer,
    StartRun,
    State,
)
from engine.contract.messages.workers import Control, Left, Threads, Train
from engine.contract.messages.workspace import (
    CancelExport,
    Catalogue,
    Export,
    Exported,
    ExportProgress,
    GetCatalogue,
    ImportData,
    Imported,
    ImportPoints,
)
from engine.contract.source import Sample, Source

__all__ = [
    "SUPERSEDED", "Action", "AnyMessage", "CancelExport", "Carrier", "Catalogue", "Chunk",
    "Control", "ControlRun", "Done", "EngineNote", "Export", "ExportProgress", "Exported",
    "Fields", "FieldsAnswer", "FilmAnswer", "Follow", "Followed", "GetCatalogue", "GetRuns",
    "Hello", "ImportData", "ImportPoints", "Imported", "Jump", "Jumped", "Keep", "Left", "Look",
    "Looked", "LossAnswer", "Map", "Mapped", "Measure", "Measured", "Message", "MessageError",
    "OpenModel", "OpenStep", "Opened", "Progress", "ReadFilm", "ReadJournal", "ReadLoss",
    "ReadSample", "ReadSpec", "ReadStart", "Refused", "Request", "ResumeRun", "RoundTrip",
    "RunAnswer", "RunChanged", "RunInfo", "Runs", "Sample", "Sampler", "Solver", "Source",
    "SpecAnswer", "StartRun", "State", "StepOpened", "Threads", "Trace", "Traced", "Train",
    "decode", "encode",
]  # fmt: skip


AnyMessage = (
    Hello | Refused | Done | GetCatalogue | GetRuns | StartRun | ResumeRun | ControlRun
    | ReadJournal | ReadSample | ReadSpec | ReadStart | ReadFilm | ReadLoss | ImportData
    | OpenModel | Look | Jump | Follow | Fields | Trace | Map | Measure | OpenStep | Catalogue
    | Runs | RunAnswer | SpecAnswer | FilmAnswer | LossAnswer | Chunk | Imported | RunChanged
    | Export | CancelExport | Exported | ExportProgress | Progress | EngineNote | Opened
    | Looked | Jumped | Followed | FieldsAnswer | Traced | Mapped | Measured | StepOpened
    | Threads | Train | Control | Left | ImportPoints
)  # fmt: skip

_DECODER = msgspec.json.Decoder(AnyMessage)


class MessageError(Exception):
    """A header that is no message of this protocol."""


def encode(message: Message) -> bytes:
    """The header bytes of a message."""
    return msgspec.json.encode(message)


def decode(header: bytes) -> AnyMessage:
    """The message of a header. Raises MessageError, also for nesting too deep to read."""
    try:
        message: AnyMessage = _DECODER.decode(header)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MessageError(f"unreadable message: {error}") from error
    return message
