"""What a studio may read of the workspace, as answers and their payloads."""

import re
from pathlib import Path

from engine.contract.catalogue import METHODS, presets, shipped_models
from engine.contract.errors import UserError
from engine.contract.frames import PAYLOAD_CAP
from engine.contract.messages import (
    Catalogue,
    Chunk,
    FilmAnswer,
    GetCatalogue,
    ReadFilm,
    ReadJournal,
    ReadSample,
    ReadSpec,
    SpecAnswer,
)
from engine.data.catalogue import data_sets
from engine.hub.workspace import named_run

PIECE = 1 << 18
_SAMPLE = re.compile(r"[\w-]+\.(png|npy)", re.ASCII)


def catalogue(workspace: Path, request: GetCatalogue) -> Catalogue:
    """Everything that can be chosen."""
    known = tuple(presets().values())
    data = tuple(data_sets(workspace))
    return Catalogue(request.id, METHODS, known, data, shipped_models())


def spec(workspace: Path, request: ReadSpec) -> SpecAnswer:
    """The spec of a run. Raises UserError."""
    return SpecAnswer(request.id, named_run(request.run, workspace).spec())


def film(workspace: Path, request: ReadFilm) -> FilmAnswer:
    """The steps of a run that can be looked at. Raises UserError."""
    run = named_run(request.run, workspace)
    return FilmAnswer(request.id, tuple(sorted({*run.frames(), *run.checkpoints()})))


def journal(workspace: Path, request: ReadJournal) -> tuple[Chunk, bytes]:
    """At most `PIECE` bytes of a run's journal, none where it is not written yet.

    `end` lies before the asked offset where the journal became shorter: a torn tail was cut.
    """
    file = named_run(request.run, workspace).journal
    if request.offset < 0:
        raise UserError(f"A journal has no byte {request.offset}.")
    if not file.exists():
        return Chunk(request.id, 0, 0), b""
    return _chunk(request.id, file, request.offset, PIECE)


def sample(workspace: Path, request: ReadSample) -> tuple[Chunk, bytes]:
    """A preview of a run as it lies on disk. Raises UserError where there is no such file."""
    file = named_run(request.run, workspace).samples / request.file
    if not _SAMPLE.fullmatch(request.file) or not file.is_file() or file.is_symlink():
        raise UserError(f"{request.run} has no preview {request.file!r}.")
    return _chunk(request.id, file, 0, PAYLOAD_CAP)


def _chunk(id: int, file: Path, offset: int, cap: int) -> tuple[Chunk, bytes]:
    with open(file, "rb") as opened:
        size = opened.seek(0, 2)
        start = opened.seek(min(offset, size))
        content = opened.read(cap)
    end = start + len(content)
    return Chunk(id, end, max(size, end)), content
