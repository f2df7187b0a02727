"""Sets of no, one, few and equal pictures: refused, or learned from with a word about it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.data.errors import DataError
from engine.data.importers import import_data
from engine.data.open import open_data
from engine.flow.randomness import Randomness


def pictures(folder: Path, count: int, same: bool = False) -> Path:
    folder.mkdir()
    rng = np.random.default_rng(0)
    for index in range(count):
        pixels = rng.integers(0, 256, (16, 16, 3), np.uint8)
        shown = np.full_like(pixels, 90) if same else pixels
        Image.fromarray(shown).save(folder / f"{index}.png")
    return folder


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no pictures; choose a folder that does"):
        import_data(pictures(tmp_path / "in", 0), "mine", tmp_path / "w")
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize(
    ("count", "note"),
    [
        (1, "There is only 1 picture; each is shown again and again, and learned by heart."),
        (3, "There are only 3 pictures; each is shown again and again, and learned by heart."),
    ],
)
def test_fewer_pictures_than_a_batch_are_repeated_and_said(
    tmp_path: Path, count: int, note: str
) -> None:
    found = import_data(pictures(tmp_path / "in", count), "mine", tmp_path / "w", size=16)
    assert found.notes == [note]
    dataset = open_data("mine", tmp_path / "w")
    batch = dataset.draw(64, Randomness(0), flip=True)
    assert batch.data.shape == (64, 3, 16, 16)
    assert torch.isfinite(batch.data).all()
    assert len(torch.unique(dataset.draw(64, Randomness(1)).data, dim=0)) == count


def test_equal_pictures_are_said(tmp_path: Path) -> None:
    found = import_data(pictures(tmp_path / "in", 70, True), "mine", tmp_path / "w", size=16)
    assert found.notes == ["All 70 pictures are the same; a model can learn nothing but that one."]
    data = open_data("mine", tmp_path / "w").draw(8, Randomness(0)).data
    assert torch.equal(data, data[:1].expand_as(data))


def test_many_pictures_say_nothing(tmp_path: Path) -> None:
    assert import_data(pictures(tmp_path / "in", 64), "mine", tmp_path / "w", size=16).notes == []


def test_an_animation_says_that_its_first_frame_is_taken(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "in", 64)
    frames = [Image.new("RGB", (16, 16), (k, 0, 0)) for k in range(3)]
    frames[0].save(folder / "moving.gif", save_all=True, append_images=frames[1:])
    found = import_data(folder, "mine", tmp_path / "w", size=16)
    assert found.notes == ["moving.gif has several frames; the first is taken"]
    assert found.info.count == 65
