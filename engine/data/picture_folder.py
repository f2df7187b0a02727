"""Read a folder of pictures; folders inside it are classes."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.contract.catalogue import DataSet
from engine.contract.paths import shown
from engine.data.errors import DataError
from engine.data.picture import FORMATS, read_picture

Report = Callable[[int, int], None]
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")
BYTE_CAP = 4 << 30  # the pictures must fit into memory while they are learned
CLASS_CAP = 1000
FEW = 64  # pictures; a batch has as many
LINE = 300  # characters of a reason that are kept; a message has an upper size


class Said(list[str]):
    """Files with what is to be said of them, as `class/file.txt is not a picture`."""

    def add(self, place: str, reason: str) -> None:
        line = f"{shown(place)} {reason}"
        self.append(line if len(line) <= LINE else f"…{line[-LINE:]}")


class Read(NamedTuple):
    """A data set before it is sealed; what was left out, and what else there is to know."""

    info: DataSet
    arrays: dict[str, NDArray[Any]]
    skipped: Sequence[str] = ()
    notes: Sequence[str] = ()


def read_folder(folder: Path, name: str, size: int, report: Report) -> Read:
    """The pictures in a folder. Raises DataError where none is left.

    `report(done, total)` is called after each file. Labels are the names of the folders directly
    inside, where at least two of them hold pictures; pictures beside such folders are left out.
    """
    skipped, notes = Said(), Said()
    places = sorted(_files(folder, skipped))
    if len(places) * size * size * 3 > BYTE_CAP:
        raise DataError(
            f"{folder} holds {len(places)} files, too many for memory; use fewer or a smaller size."
        )
    images = {}
    for done, place in enumerate(places, 1):
        try:
            images[place] = read_picture(folder / place, size, partial(notes.add, place))
        except DataError as reason:
            skipped.add(place, str(reason))
        report(done, len(places))
    if not images:
        raise DataError(_nothing_found(folder, skipped))
    labels = _classes(folder, images)
    for place in [place for place in images if labels and not _class_of(place)]:
        skipped.add(place, "lies outside the class folders")
        del images[place]
    arrays = {
        "images": np.stack(list(images.values())),
        "names": np.array([os.fsencode(place) for place in images]),
    }
    if labels:
        arrays["labels"] = np.array([labels.index(_class_of(p)) for p in images], np.int64)
    titles, from_ = tuple(map(shown, labels)), shown(folder.name)
    info = DataSet(name, name, "images", (3, size, size), len(images), titles, source=from_)
    return Read(info, arrays, skipped, [*_told_of(arrays["images"]), *notes])


def _told_of(images: NDArray[Any]) -> Iterator[str]:
    """What somebody should know who trains on these: few of them are learned by heart."""
    if len(images) > 1 and (images == images[:1]).all():
        yield f"All {len(images)} pictures are the same; a model can learn nothing but that one."
    elif len(images) < FEW:
        noun = "is only 1 picture" if len(images) == 1 else f"are only {len(images)} pictures"
        yield f"There {noun}; each is shown again and again, and learned by heart."


def _classes(folder: Path, places: Iterable[str]) -> list[str]:
    """The class folders that hold pictures, or none where there are not at least two."""
    labels = sorted({_class_of(place) for place in places} - {""})
    if len(labels) > CLASS_CAP:
        raise DataError(
            f"{folder} has {len(labels)} class folders and at most {CLASS_CAP} can be labels; "
            "put the pictures into one folder to import them without labels."
        )
    return labels if len(labels) > 1 else []


def _files(folder: Path, skipped: Said) -> Iterator[str]:
    """Paths, relative to `folder`, of the plain files in it; everything else is skipped."""
    waiting = [""]
    while waiting:  # no recursion: folders may lie deeper than Python's calls
        inside = waiting.pop()
        try:
            entries = sorted(os.scandir(folder / inside), key=lambda entry: entry.name)
        except OSError as error:
            if not inside:
                raise DataError(f"{folder} cannot be read ({error.strerror}).") from error
            skipped.add(inside, f"cannot be read ({error.strerror})")
            continue
        for entry in entries:
            place = f"{inside}/{entry.name}" if inside else entry.name
            if reason := _reason_to_skip(entry):
                skipped.add(place, reason)
            elif entry.is_dir():
                waiting.append(place)
            else:
                yield place


def _reason_to_skip(entry: os.DirEntry[str]) -> str:
    """Why an entry of a folder is not opened, or "" for plain files and for folders."""
    try:
        entry.stat()
    except OSError:
        return "is a link that leads nowhere"
    if entry.name.startswith(".") or entry.name in ("__MACOSX", "Thumbs.db", "desktop.ini"):
        return "is hidden"
    if entry.is_dir():
        if entry.is_symlink():
            return "is a link to a folder"
        return "is a folder" if entry.name.lower().endswith(SUFFIXES) else ""
    return "" if entry.is_file() else "is not a plain file"


def _class_of(place: str) -> str:
    """The folder directly inside the imported one, or "" for what lies beside such folders."""
    return place.partition("/")[0] if "/" in place else ""


def _nothing_found(folder: Path, skipped: list[str]) -> str:
    if not skipped:
        return f"{folder} holds no pictures; choose a folder that does."
    others = f"{skipped[0]}" + (f", and {len(skipped) - 1} more" if len(skipped) > 1 else "")
    return f"{folder} holds no picture that can be read ({others}); use {', '.join(FORMATS)} files."
