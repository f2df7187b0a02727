"""What a run is trained with that is other than in its spec.toml, which stays as it was at first.

The newest `Started` of the journal names all changes that stand.
"""

from collections.abc import Sequence

from engine.contract.errors import UserError
from engine.contract.journal import Reader, Started
from engine.contract.schema import with_value
from engine.contract.specs import RunSpec
from engine.runs.errors import RunError, disk_sentence
from engine.runs.folder import RunFolder

Changes = tuple[tuple[str, str], ...]
FREE = ("training.", "cadence.", "device")  # fields that a checkpoint can be gone on from with
FIXED = ("training.ema", "training.steps")  # but these: its files, and how long it is
_PIECE = 1 << 22


def sessions(folder: RunFolder) -> list[Started]:
    """How each session of a run began, in the order of its journal; none where there is none."""
    reader, found = Reader(), list[Started]()
    try:
        with open(folder.journal, "rb") as file:
            while piece := file.read(_PIECE):
                found += [record for record in reader.feed(piece) if isinstance(record, Started)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunError(disk_sentence("read", folder.journal, error)) from error
    return found


def standing(folder: RunFolder) -> Changes:
    """The changes that stand now."""
    known = sessions(folder)
    return known[-1].changes if known else ()


def check_changes(changes: Changes) -> None:
    """Raise UserError where a run cannot go on with these."""
    for key, _ in changes:
        if key in FIXED or not key.startswith(FREE):
            raise UserError(
                f"A run that has begun cannot change {key}: only fields of training (but ema and "
                "steps) and cadence, and the device. Start a new run for it."
            )


def joined(before: Changes, more: Changes) -> Changes:
    """All changes, the newest of each field."""
    return tuple((dict(before) | dict(more)).items())


def changed(spec: RunSpec, changes: Sequence[tuple[str, str]]) -> RunSpec:
    """The spec with the changes. Raises SpecError where a value cannot be read."""
    for key, value in changes:
        spec = with_value(spec, key, value)
    return spec
