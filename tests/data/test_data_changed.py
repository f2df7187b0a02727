"""A run learns from the sealed copy, whatever becomes of the folder; another copy is said."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.data.catalogue import find
from engine.data.errors import DataError
from engine.data.importers import import_data
from engine.data.open import open_data
from engine.data.remembered import data_notes
from engine.flow.randomness import Randomness


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "mine"
    place.mkdir()
    for index, pixels in enumerate(
        np.random.default_rng(0).integers(0, 256, (12, 16, 16, 3), np.uint8)
    ):
        Image.fromarray(pixels).save(place / f"{index}.png")
    return place


def test_a_folder_that_changes_changes_no_run(folder: Path, tmp_path: Path) -> None:
    import_data(folder, "mine", tmp_path / "w", size=16)
    before = open_data("mine", tmp_path / "w")
    (folder / "0.png").unlink()
    Image.new("RGB", (16, 16)).save(folder / "new.png")
    (folder / "1.png").write_bytes(b"no picture any more")
    after = open_data("mine", tmp_path / "w")
    assert torch.equal(before.all(), after.all())
    shutil.rmtree(folder)
    again = open_data("mine", tmp_path / "w")
    assert torch.equal(again.draw(50, Randomness(0)).data, before.draw(50, Randomness(0)).data)


def test_a_run_notes_when_its_data_are_others(folder: Path, tmp_path: Path) -> None:
    run, workspace = tmp_path / "run", tmp_path / "w"
    run.mkdir()
    import_data(folder, "mine", workspace, size=16)
    assert list(data_notes(run, find("mine", workspace))) == []  # it begins
    assert list(data_notes(run, find("mine", workspace))) == []  # it goes on
    shutil.rmtree(workspace / "data" / "mine")
    import_data(folder, "mine", workspace, size=16)
    assert list(data_notes(run, find("mine", workspace))) == []  # the same pictures
    shutil.rmtree(workspace / "data" / "mine")
    (folder / "0.png").unlink()
    import_data(folder, "mine", workspace, size=16)
    assert list(data_notes(run, find("mine", workspace))) == [
        "The data set mine is not the one that this run learned from so far "
        "(12 samples then, 11 now); it goes on with the new one."
    ]
    assert list(data_notes(run, find("mine", workspace))) == []  # said once


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]"])
def test_a_damaged_note_is_written_anew(folder: Path, tmp_path: Path, content: bytes) -> None:
    import_data(folder, "mine", tmp_path / "w", size=16)
    (tmp_path / "data.json").write_bytes(content)
    assert list(data_notes(tmp_path, find("mine", tmp_path / "w"))) == []
    assert (tmp_path / "data.json").read_bytes() != content


def test_a_sealed_file_that_changed_never_reaches_hdf5(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its library loops for ever, or writes outside its memory, on some bent files."""
    import_data(folder, "mine", tmp_path / "w", size=16)
    path = tmp_path / "w" / "data" / "mine" / "data.h5"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    monkeypatch.setattr("engine.data.hdf5.open_hdf5", lambda path: 1 / 0)
    with pytest.raises(DataError, match=r"is damaged .* import it again"):
        open_data("mine", tmp_path / "w")
