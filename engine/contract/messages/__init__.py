"""Every message of the two streams, studio <-> hub and hub <-> worker, in one table.

Rules. Each side sends `Hello` first; differing protocols end the stream with a sentence. A request
carries a fresh `id` and gets exactly one answer with that `id`: the one named in its docstring, or
`Refused`. Notices (no `id`) come at any time and are newest-wins: the receiver may drop all but the
last. An unknown message type is refused, not fatal. A closed stream means stop.
"""

import msgspec

from engine.contract.messages.answered import (
    ChordAnswer,
    FieldsAnswer,
    Followed,
    Jumped,
    Looked,
    Mapped,
    Measured,
    Opened,
    PixelsTraced,
    RoundTrip,
    StepOpened,
    Traced,
)
from engine.contract.messages.asked import (
    Carrier,
    Chord,
    Fields,
    Follow,
    Jump,
    Keep,
    Look,
    Map,
    Measure,
    OpenModel,
    OpenStep,
    PictureFields,
    Pixels,
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
    CancelCheck,
    CheckProgress,
    Chunk,
    ControlRun,
    Detach,
    FilmAnswer,
    GetQueue,
    GetRuns,
    LossAnswer,
    MoveRun,
    Progress,
    Queue,
    ReadFilm,
    ReadJournal,
    ReadLog,
    ReadLoss,
    ReadSample,
    ReadSpec,
    ReadStart,
    ResumeRun,
    RunAnswer,
    RunChanged,
    RunInfo,
    Runs,
    SetQueue,
    SpecAnswer,
    StartRun,
    State,
    TakeOut,
    Tried,
    TryStep,
    Verified,
    VerifyRun,
)
from engine.contract.messages.workers import Control, Left, TakeIn, TakenIn, Threads, Train
from engine.contract.messages.workspace import (
    CancelExport,
    Catalogue,
    Export,
    Exported,
    ExportProgress,
    GetCatalogue,
    Held,
    ImportData,
    Imported,
    ImportPoints,
    Inspect,
    Inspected,
)
from engine.contract.paths import writable
from engine.contract.source import Sample, Source

__all__ = [
    "SUPERSEDED", "Action", "AnyMessage", "CancelCheck", "CancelExport", "Carrier", "Catalogue",
    "CheckProgress", "Chord", "ChordAnswer", "Chunk", "Control", "ControlRun", "Detach", "Done",
    "EngineNote", "Export", "ExportProgress", "Exported", "Fields", "FieldsAnswer", "FilmAnswer",
    "Follow", "Followed", "GetCatalogue", "GetQueue", "GetRuns", "Held", "Hello", "ImportData",
    "ImportPoints", "Imported", "Inspect", "Inspected", "Jump", "Jumped", "Keep", "Left", "Look",
    "Looked", "LossAnswer", "Map", "Mapped", "Measure", "Measured", "Message", "MessageError",
    "MoveRun", "OpenModel", "OpenStep", "Opened", "PictureFields", "Pixels", "PixelsTraced",
    "Progress", "Queue", "ReadFilm", "ReadJournal", "ReadLog", "ReadLoss", "ReadSample", "ReadSpec",
    "ReadStart", "Refused", "Request", "ResumeRun", "RoundTrip", "RunAnswer", "RunChanged",
    "RunInfo", "Runs", "Sample", "Sampler", "SetQueue", "Solver", "Source", "SpecAnswer",
    "StartRun", "State", "StepOpened", "TakeIn", "TakeOut", "TakenIn", "Threads", "Trace", "Traced",
    "Train", "Tried", "TryStep", "Verified", "VerifyRun", "decode", "encode",
]  # fmt: skip


AnyMessage = (
    Hello | Refused | Done | GetCatalogue | GetRuns | StartRun | ResumeRun | ControlRun
    | ReadJournal | ReadLog | ReadSample | ReadSpec | ReadStart | ReadFilm | ReadLoss | ImportData
    | OpenModel | Look | Jump | Follow | Fields | Trace | Map | Measure | OpenStep | Catalogue
    | Runs | RunAnswer | SpecAnswer | FilmAnswer | LossAnswer | Chunk | Imported | RunChanged
    | Export | CancelExport | Exported | ExportProgress | Progress | EngineNote | Opened
    | Looked | Jumped | Followed | FieldsAnswer | Traced | Mapped | Measured | StepOpened
    | Chord | ChordAnswer | Pixels | PixelsTraced | PictureFields
    | Threads | Train | Control | Left | ImportPoints | Inspect | Inspected | TakeIn | TakenIn
    | GetQueue | MoveRun | TakeOut | SetQueue | Queue | Detach
    | VerifyRun | TryStep | CancelCheck | Verified | Tried | CheckProgress
)  # fmt: skip

_DECODER = msgspec.json.Decoder(AnyMessage)


class MessageError(Exception):
    """A header that is no message of this protocol."""


def encode(message: Message) -> bytes:
    """The header bytes of a message; names of files that are no Unicode come as they are shown."""
    try:
        return msgspec.json.encode(message)
    except UnicodeEncodeError:
        return msgspec.json.encode(writable(msgspec.to_builtins(message)))


def decode(header: bytes) -> AnyMessage:
    """The message of a header. Raises MessageError, also for nesting too deep to read."""
    try:
        message: AnyMessage = _DECODER.decode(header)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MessageError(f"unreadable message: {error}") from error
    return message
