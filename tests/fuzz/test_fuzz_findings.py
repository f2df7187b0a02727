"""What fuzzing found, and stays mended."""

import zipfile
from pathlib import Path

import msgspec
import numpy as np
import pytest

from engine.contract import journal
from engine.contract.errors import UserError
from engine.contract.history import History
from engine.contract.journal import Columns, Gap, Reader
from engine.data.errors import DataError
from engine.data.points_file import read_points
from engine.exchange.inspection import inspect
from engine.runs.checkpoint import verify

ROWS = journal.encode_rows(np.array([[1.0, 0.5], [2.0, 0.25]]))
GOOD = journal.encode_event(Columns(("step", "loss")))


@pytest.mark.parametrize(
    "names",
    [(), ("loss",), ("loss", "step"), ("step", "loss", "loss"), ("step", *map(str, range(9999)))],
)
def test_columns_that_cannot_be_are_a_gap_and_so_are_their_rows(names: tuple[str, ...]) -> None:
    """A history looked for a step among them, and made an array for each of a million."""
    bad = journal.encode_event(Columns(names))
    history = History()
    history.feed(GOOD + ROWS + bad + ROWS)
    assert len(history.gaps) == 1
    assert history.steps.tolist() == [1.0, 2.0]
    assert history.columns == ("step", "loss")
    found = list(Reader().feed(bad))
    assert found == [Gap(0, len(bad))]


def test_an_array_whose_header_is_no_python_is_refused(tmp_path: Path) -> None:
    """numpy gives such a header to Python's tokenizer, which has an error of its own."""
    np.save(tmp_path / "x.npy", np.zeros((5, 2)))
    content = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "x.npy").write_bytes(content.replace(b"), }", b"(( }"))
    with pytest.raises(DataError, match="cannot be read as points"):
        read_points(tmp_path / "x.npy")


@pytest.mark.parametrize(
    "content",
    [
        b"\xff" * 40,
        b'{"format": 1, "files": [' + b"[" * 9000,
        b'{"format": 1, "step": 1, "files": [], "version": "\xff"}',
        b'{"later": ' + b"[" * 100_000,
    ],
    ids=lambda content: str(content[:12]),
)
def test_a_manifest_of_any_bytes_is_damage(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    assert verify(tmp_path) == "manifest.json is not readable"


def test_a_manifest_with_a_name_that_cannot_be_is_damage(tmp_path: Path) -> None:
    entry = {"name": "a\0b", "size": 1, "sha256": ""}
    manifest = {"format": 1, "step": 1, "files": [entry]}
    (tmp_path / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    assert verify(tmp_path) == "manifest.json is not readable"


def test_an_archive_on_several_disks_is_refused(tmp_path: Path) -> None:
    """Python's own look at it, whether it is an archive at all, raises."""
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a.txt", "hello")
    content = bytearray((tmp_path / "x.zip").read_bytes())
    locator = b"PK\x06\x07" + (1).to_bytes(4, "little") + bytes(8) + (2).to_bytes(4, "little")
    content[-22:-22] = locator
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(zipfile.BadZipFile):
        zipfile.is_zipfile(tmp_path / "x.zip")
    with pytest.raises(UserError, match="damaged archive"):
        inspect(tmp_path / "x.zip")
