"""Which data a run learns from: noted in its folder when it begins, compared when it goes on."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from engine.contract.catalogue import DataSet
from engine.contract.files import write_whole

FILE = "data.json"


def data_notes(run: Path, info: DataSet) -> Iterator[str]:
    """A sentence where the data are others than those that the run in the folder `run` began with.

    Noted anew then, so that it is said once. A folder that cannot be written says so elsewhere.
    """
    before = _noted(run)
    if before == info:
        return
    try:
        write_whole(run / FILE, msgspec.json.format(msgspec.json.encode(info)))
    except OSError:
        return
    if before is not None and _content(before) != _content(info):
        yield (
            f"The data set {info.name} is not the one that this run learned from so far "
            f"({before.count:,} samples then, {info.count:,} now); it goes on with the new one."
        )


def _noted(run: Path) -> DataSet | None:
    try:
        return msgspec.json.decode((run / FILE).read_bytes(), type=DataSet)
    except (OSError, ValueError, msgspec.DecodeError):
        return None


def _content(info: DataSet) -> tuple[object, ...]:
    """What the samples are, whatever their set is called or came from."""
    return info.kind, info.shape, info.count, info.labels, info.sealed
