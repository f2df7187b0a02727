"""HDF5 that points elsewhere is refused by name; no byte of another file is read or changed."""

from pathlib import Path

import h5py
import hostile_files as hostile
import numpy as np
import pytest

from engine.data import hdf5
from engine.data.errors import DataError
from engine.data.pack import read_pack, write_pack
from engine.data.points_file import read_points
from engine.exchange.inspection import inspect

WORDS = {
    "raw": "is a link: its numbers lie in another file",
    "virtual": "is a link: it is made of other arrays",
    "external": r"is a link \(ExternalLink\)",
    "soft": r"is a link \(SoftLink\)",
    "component": r"is a link \(ExternalLink\)",
    "filtered": r"unknown filter \(32015\)",
    "giant": "claims 17,592,186,044,416 bytes",
    "chunk": "claims 2,147,483,648 bytes",
    "objects": "holds no plain numbers",
    "cycle": "is a folder that was seen before",
}


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.txt"
    path.write_bytes(b"password")
    return path


@pytest.mark.parametrize("name", WORDS)
def test_numbers_that_lie_elsewhere_are_refused(
    tmp_path: Path, secret: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = hostile.hostile_hdf5(tmp_path, secret)[name]
    before = {p: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(DataError, match=WORDS[name] if name != "cycle" else "none of its arrays"):
        read_points(path)
    monkeypatch.setattr("engine.data.pack.BYTE_CAP", 1 << 30)
    with pytest.raises(DataError, match="is a link" if name == "soft" else WORDS[name]):
        read_pack(path, "import it again")
    monkeypatch.setattr("engine.exchange.inspection.BYTE_CAP", 1 << 30)
    refused = [h.refused for h in inspect(path, tmp_path / "out.safetensors").held]
    assert any(refused)
    assert inspect(path, tmp_path / "out.safetensors").wrote == 0
    (tmp_path / "out.safetensors").unlink()
    assert {p: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_arrays_in_folders_are_found(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["a/b/points"] = np.arange(10.0).reshape(5, 2)
        file["c"] = np.float32(3)
    found = inspect(tmp_path / "x.h5", tmp_path / "out.safetensors")
    assert {h.name: (h.shape, h.dtype) for h in found.held} == {
        "a/b/points": ((5, 2), "float64"),
        "c": ((), "float32"),
    }
    assert found.wrote == 2


def test_a_file_of_more_objects_than_anybody_has_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hdf5, "OBJECTS", 20)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        for index in range(30):
            file.create_group(f"g{index}")
    with pytest.raises(DataError, match="more than 20 objects"):
        read_pack(tmp_path / "x.h5", "import it again")


def test_points_are_read_slab_by_slab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = np.random.default_rng(0).normal(size=(1000, 2)).astype(np.float32)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("points", data=points, compression="lzf", shuffle=True)
        file["other"] = np.zeros(3)
    monkeypatch.setattr(hdf5, "SLAB", 100)
    assert np.array_equal(read_points(tmp_path / "x.h5"), points)


def test_every_cut_of_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    write_pack(path, {"points": np.random.default_rng(0).normal(size=(500, 2))})
    whole = path.read_bytes()
    for cut in np.linspace(0, len(whole) - 1, 20).astype(int):
        path.write_bytes(whole[:cut])
        with pytest.raises(DataError, match="cannot be read as points"):
            read_points(path)
        with pytest.raises(DataError, match="import it again"):
            read_pack(path, "import it again")
