"""What a studio may read of the workspace, as answers and their payloads."""

import re
from pathlib import Path

from engine.contract.arrays import pack
from engine.contract.catalogue import METHODS, presets, shipped_models
from engine.contract.errors import UserError
from engine.contract.frames import PAYLOAD_CAP
from engine.contract.messages import (
    Catalogue,
    Chunk,
    FilmAnswer,
    GetCatalogue,
    LossAnswer,
    ReadFilm,
    ReadJournal,
    ReadLog,
    ReadLoss,
    ReadSample,
    ReadSpec,
    ReadStart,
    SpecAnswer,
)
from engine.data.catalogue import data_sets
from engine.exchange.header import read_header
from engine.hub.queue import waiting_spec
from engine.hub.shipped import ShippedRun
from engine.hub.starting import parent_of
from engine.hub.workspace import named_run, past_run, shipped_run
from engine.runs import loss_map
from engine.runs.folder import RunFolder
from engine.runs.summary import summarise

PIECE = 1 << 20  # bytes of a journal in one answer
_SAMPLE = re.compile(r"[\w-]+\.(png|npy)", re.ASCII)


def catalogue(workspace: Path, request: GetCatalogue) -> Catalogue:
    """Everything that can be chosen."""
    known = tuple(presets().values())
    data = tuple(data_sets(workspace))
    return Catalogue(request.id, METHODS, known, data, shipped_models())


def spec(workspace: Path, request: ReadSpec) -> SpecAnswer:
    """The spec of a run, also of one that waits and never began. Raises UserError."""
    waits = waiting_spec(request.run, workspace)
    return SpecAnswer(request.id, waits or _past(request.run, workspace).spec())


def start(workspace: Path, request: ReadStart) -> SpecAnswer:
    """The spec of what a run starts from, from its own copy of the weights if it has one."""
    if request.run and waiting_spec(request.run, workspace) is None:
        kept = named_run(request.run, workspace).start
        if kept.is_file():
            return SpecAnswer(request.id, read_header(kept).spec)
    return SpecAnswer(request.id, parent_of(request.start, workspace)[0])


def film(workspace: Path, request: ReadFilm) -> FilmAnswer:
    """The steps of a run that can be looked at. Raises UserError."""
    run = _past(request.run, workspace)
    return FilmAnswer(request.id, tuple(run.kept()), summarise(run))


def loss(workspace: Path, request: ReadLoss) -> tuple[LossAnswer, bytes]:
    """The training loss of a run over (t, s). Raises UserError, also for what is no run."""
    try:
        folder = past_run(request.run, workspace)
    except UserError:
        name = Path(request.run).name
        raise UserError(f"{name} is no run: only a run keeps the loss of its training.") from None
    step = request.step
    if step < 0 and isinstance(folder, ShippedRun):
        step = folder.kept()[-1]
    found = loss_map.read(folder, step)
    arrays, payload = pack({"sums": found.sums, "counts": found.counts})
    return LossAnswer(request.id, found.step, arrays), payload


def journal(workspace: Path, request: ReadJournal) -> tuple[Chunk, bytes]:
    """At most `PIECE` bytes of a run's journal, none where it is not written yet.

    `end` lies before the asked offset where the journal became shorter: a torn tail was cut.
    """
    file = _past(request.run, workspace).journal
    if request.offset < 0:
        raise UserError(f"A journal has no byte {request.offset}.")
    if not file.exists():
        return Chunk(request.id, 0, 0), b""
    return _chunk(request.id, file, request.offset, PIECE)


def log(workspace: Path, request: ReadLog) -> tuple[Chunk, bytes]:
    """The end of a run's log, nothing where it has none. Raises UserError."""
    file = named_run(request.run, workspace).log
    if not file.is_file() or file.is_symlink():
        return Chunk(request.id, 0, 0), b""
    wanted = min(max(0, request.size), PIECE)
    return _chunk(request.id, file, max(0, file.stat().st_size - wanted), wanted)


def sample(workspace: Path, request: ReadSample) -> tuple[Chunk, bytes]:
    """A preview of a run as it lies on disk. Raises UserError where there is no such file."""
    file = named_run(request.run, workspace).samples / request.file
    if not _SAMPLE.fullmatch(request.file) or not file.is_file() or file.is_symlink():
        raise UserError(f"{request.run} has no preview {request.file!r}.")
    return _chunk(request.id, file, 0, PAYLOAD_CAP)


def _past(name: str, workspace: Path) -> RunFolder:
    """A run of the workspace, or that of a shipped model. Raises UserError."""
    return shipped_run(name, workspace) or named_run(name, workspace)


def _chunk(id: int, file: Path, offset: int, cap: int) -> tuple[Chunk, bytes]:
    with open(file, "rb") as opened:
        size = opened.seek(0, 2)
        start = opened.seek(min(offset, size))
        content = opened.read(cap)
    end = start + len(content)
    return Chunk(id, end, max(size, end)), content
