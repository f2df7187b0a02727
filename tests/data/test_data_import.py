"""An import keeps every pixel and label, says what it left out, and is whole or not there."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image

from engine.contract.catalogue import DataSet
from engine.data import importers, picture_folder
from engine.data.catalogue import data_sets, find
from engine.data.errors import DataError
from engine.data.importers import import_data
from engine.data.open import open_data
from engine.flow.randomness import Randomness

NOISE = np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), np.uint8)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return tmp_path / "workspace"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve pictures in three classes."""
    for index, pixels in enumerate(NOISE):
        place = tmp_path / "mine" / "abc"[index % 3]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"{index:02}.png")
    return tmp_path / "mine"


def nothing_left(workspace: Path) -> bool:
    return not list(workspace.glob("data/*"))


def test_pictures_come_back_with_their_labels(folder: Path, workspace: Path) -> None:
    seen: list[tuple[int, int]] = []
    info, skipped, _ = import_data(
        folder, "mine", workspace, report=lambda done, total: seen.append((done, total))
    )
    assert skipped == []
    assert seen[:12] == [(done, 12) for done in range(1, 13)]
    assert set(seen[12:]) == {(12, 12)}  # while they are written
    assert info == find("mine", workspace) == data_sets(workspace)[-1]
    sealed = info.sealed
    expected = DataSet(
        "mine", "mine", "images", (3, 32, 32), 12, ("a", "b", "c"), source="mine", sealed=sealed
    )
    assert len(sealed) == 64
    assert info == expected
    dataset = open_data("mine", workspace)
    ordered = torch.from_numpy(np.concatenate([NOISE[k::3] for k in range(3)])).permute(0, 3, 1, 2)
    pictures = ((dataset.all() + 1) * 127.5).round().to(torch.uint8)
    assert torch.equal(pictures, ordered)
    batch = dataset.draw(50, Randomness(0))
    assert batch.label is not None
    for picture, label in zip(batch.data, batch.label, strict=True):
        place = (dataset.all() == picture).flatten(1).all(1).nonzero().item()
        assert label == place // 4
    assert dataset.exact() is None
    assert dataset.held_out(5) is None


def test_a_folder_without_classes_has_no_labels(folder: Path, workspace: Path) -> None:
    info, _, _ = import_data(folder / "a", "only-a", workspace, size=16)
    assert (info.count, info.labels, info.shape) == (4, (), (3, 16, 16))
    assert open_data("only-a", workspace).draw(3, Randomness(0)).label is None
    alone = folder.parent / "outer"
    (folder / "a").rename(folder.parent / "inner")
    alone.mkdir()
    (folder.parent / "inner").rename(alone / "a")
    assert import_data(alone, "one-class", workspace)[0].labels == ()
    Image.new("RGB", (8, 8)).save(alone / "beside.png")
    info, skipped, _ = import_data(alone, "one-and-beside", workspace)
    assert (info.count, info.labels, skipped) == (5, (), [])


def test_whatever_is_no_picture_is_left_out_with_a_reason(folder: Path, workspace: Path) -> None:
    (folder / ".DS_Store").write_bytes(b"x")
    (folder / "a" / "notes.txt").write_text("hello")
    (folder / "a" / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    (folder / "b" / "album.png").mkdir()
    Image.new("RGB", (8, 8)).save(folder / "b" / "album.png" / "inside.png")
    (folder / "b" / "gone.png").symlink_to(folder / "nowhere")
    (folder / "b" / "loop.png").symlink_to("loop.png")
    (folder / "c" / "up").symlink_to(folder)
    (folder / "stray.png").write_bytes((folder / "a" / "00.png").read_bytes())
    (folder / "a" / "linked.png").symlink_to(folder / "b" / "01.png")
    os.mkfifo(folder / "c" / "pipe.png")
    info, skipped, _ = import_data(folder, "mine", workspace)
    assert info.count == 13  # a link to a picture is one
    assert info.labels == ("a", "b", "c")
    reasons = {line.partition(" ")[0]: line.partition(" ")[2] for line in skipped}
    assert reasons.pop("a/cut.jpg").startswith("is ")
    assert reasons.pop("a/notes.txt").startswith("is not a picture (PNG, JPEG")
    assert reasons == {
        ".DS_Store": "is hidden",
        "b/album.png": "is a folder",
        "b/gone.png": "is a link that leads nowhere",
        "b/loop.png": "is a link that leads nowhere",
        "c/up": "is a link to a folder",
        "c/pipe.png": "is not a plain file",
        "stray.png": "lies outside the class folders",
    }


def test_a_folder_that_cannot_be_read_is_left_out(
    folder: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = os.scandir

    def guarded(path: Path) -> Any:
        if path.name == "b":
            raise PermissionError(errno.EACCES, "Permission denied")
        return scan(path)

    monkeypatch.setattr(picture_folder.os, "scandir", guarded)
    info, skipped, _ = import_data(folder, "mine", workspace)
    assert info.labels == ("a", "c")
    assert skipped == ["b cannot be read (Permission denied)"]
    with pytest.raises(DataError, match=r"b cannot be read \(Permission denied\)\."):
        import_data(folder / "b", "other", workspace)


def test_the_list_of_reasons_fits_into_a_message(
    folder: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importers, "LISTED", 3)
    deep = folder / "a" / "/".join(["x" * 100] * 5)
    deep.mkdir(parents=True)
    for index in range(5):
        (deep / f"{index}.txt").write_text("hello")
    _, skipped, _ = import_data(folder, "mine", workspace)
    assert len(skipped) == 4
    assert skipped[-1] == "and 2 more"
    assert max(map(len, skipped)) <= picture_folder.LINE + 1
    assert "x/0.txt is not a picture" in skipped[0]


def test_names_of_files_may_be_any_bytes(tmp_path: Path, workspace: Path) -> None:
    for name in (b"caf\xe9", "漢字".encode()):
        place = os.fsencode(tmp_path / "in") + b"/" + name
        os.makedirs(place)
        Image.new("RGB", (8, 8)).save(os.fsdecode(place + b"/x.png"))
        Path(os.fsdecode(place + b"/\xff.txt")).write_text("hello")
    info, skipped, _ = import_data(tmp_path / "in", "names", workspace)
    assert info.labels == ("caf\ufffd", "漢字")
    assert len(skipped) == 2
    msgspec.json.encode(skipped)
    assert find("names", workspace) == info


@pytest.mark.parametrize("kind", ["empty", "text", "nested"])
def test_a_folder_without_pictures_is_refused(tmp_path: Path, workspace: Path, kind: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    if kind == "nested":
        (folder / "a").mkdir()
    if kind == "text":
        for name in "abc":
            (folder / f"{name}.txt").write_text("hello")
    sentence = "holds no picture that can be read" if kind == "text" else "holds no pictures"
    with pytest.raises(DataError, match=sentence) as caught:
        import_data(folder, "mine", workspace)
    assert str(caught.value).startswith(str(folder))
    assert nothing_left(workspace)


def test_too_many_classes_are_refused(
    tmp_path: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture_folder, "CLASS_CAP", 2)
    for name in "abc":
        (tmp_path / "in" / name).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "in" / name / "x.png")
    with pytest.raises(DataError, match="3 class folders and at most 2"):
        import_data(tmp_path / "in", "mine", workspace)


def test_more_pictures_than_memory_holds_are_refused(
    folder: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture_folder, "BYTE_CAP", 12 * 32 * 32 * 3 - 1)
    with pytest.raises(DataError, match="12 files, too many for memory"):
        import_data(folder, "mine", workspace)
    assert import_data(folder, "mine", workspace, size=24)[0].count == 12


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a/b",
        "..",
        "../up",
        "a b",
        "Über",
        ".hidden",
        "a.tmp-1",
        "nul",
        "com1",
        "x" * 65,
        "a\n",
        "A",
    ],
)
def test_names_that_are_no_folder_names_are_refused(
    folder: Path, workspace: Path, name: str
) -> None:
    with pytest.raises(DataError, match="cannot be the name of a data set"):
        import_data(folder, name, workspace)
    with pytest.raises(DataError, match="cannot be the name of a data set"):
        find(name, workspace)
    assert not workspace.exists()


@pytest.mark.parametrize("name", ["emoji-16", "rings", "mine"])
def test_a_name_that_is_taken_is_refused(folder: Path, workspace: Path, name: str) -> None:
    import_data(folder / "a", "mine", workspace)
    with pytest.raises(DataError, match=f"already a data set '{name}'; choose another"):
        import_data(folder, name, workspace)
    assert find("mine", workspace).count == 4


@pytest.mark.parametrize("size", [0, 4, 33, 264, -8])
def test_sizes_that_no_network_takes_are_refused(folder: Path, workspace: Path, size: int) -> None:
    with pytest.raises(DataError, match=f"multiple of 8 from 8 to 256, not {size}"):
        import_data(folder, "mine", workspace, size=size)


def test_what_is_not_there_or_no_data_is_refused(tmp_path: Path, workspace: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"x")
    with pytest.raises(DataError, match="There is no file or folder"):
        import_data(tmp_path / "gone", "mine", workspace)
    with pytest.raises(DataError, match="choose a folder of pictures"):
        import_data(tmp_path / "film.mp4", "mine", workspace)


def test_an_unknown_data_set_says_how_to_import_it(folder: Path, workspace: Path) -> None:
    with pytest.raises(DataError) as caught:
        open_data("cifar-10", workspace)
    assert str(caught.value) == (
        "There is no data set 'cifar-10' here; "
        "import it with `flowmap-engine data import PATH cifar-10`."
    )
    with pytest.raises(DataError, match=r"here \(did you mean 'two-moons'\?\); import it"):
        find("two-moon", workspace)


def test_a_full_disk_leaves_nothing(
    folder: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, arrays: object, told: object, **attributes: str) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(importers, "write_pack", full)
    with pytest.raises(
        DataError, match=r"could not be written to .* \(No space left on device\)\."
    ):
        import_data(folder, "mine", workspace)
    assert nothing_left(workspace)
    monkeypatch.undo()
    assert import_data(folder, "mine", workspace)[0].count == 12


KILLED = """
import os, signal, sys
from pathlib import Path
from engine.data import importers
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[3] != "report":
    setattr(importers, sys.argv[3], die)
importers.import_data(Path(sys.argv[1]), "mine", Path(sys.argv[2]),
                      report=die if sys.argv[3] == "report" else lambda *_: None)
"""


@pytest.mark.parametrize("moment", ["report", "sync", "replace"])
def test_a_killed_import_leaves_no_data_set(folder: Path, workspace: Path, moment: str) -> None:
    """Killed while reading, before the disk has it, and just before the folder gets its name."""
    words = [sys.executable, "-c", KILLED, str(folder), str(workspace), moment]
    left = subprocess.run(words, cwd=Path(__file__).parents[2], check=False)
    assert left.returncode == -signal.SIGKILL
    assert bool(list(workspace.glob("data/mine.tmp-*"))) == (moment != "report")
    assert "mine" not in {info.name for info in data_sets(workspace)}
    with pytest.raises(DataError, match="no data set 'mine'"):
        find("mine", workspace)
    import_data(folder, "mine", workspace)
    assert [path.name for path in workspace.glob("data/*")] == ["mine"]


def test_damaged_data_sets_hide_no_others_and_say_so(folder: Path, workspace: Path) -> None:
    for name in ("one", "two", "three", "four"):
        import_data(folder / "a", name, workspace)
    place = workspace / "data"
    (place / "one" / "info.json").write_text("{")
    (place / "two").rename(place / "five")
    (place / "three" / "data.h5").write_bytes(b"nothing")
    info = find("four", workspace)
    wrong = msgspec.structs.replace(info, count=3)
    (place / "four" / "info.json").write_bytes(msgspec.json.encode(wrong))
    assert [d.name for d in data_sets(workspace) if d.source == "a"] == ["four", "three"]
    for name in ("one", "three", "four", "five"):
        with pytest.raises(DataError, match=r"delete .* and import it again"):
            open_data(name, workspace)
