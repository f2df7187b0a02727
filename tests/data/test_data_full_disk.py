"""A disk that is full while HDF5 is written: a sentence, nothing half, nothing lost, no zeros."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from engine.data import pack
from engine.data.pack import read_pack, write_pack

LIMIT = 40_000  # bytes that a file may have: what a full disk does, without a privilege
ROOT = Path(__file__).parents[2]


def command(*words: object, limit: int = 0) -> "subprocess.CompletedProcess[str]":
    def limited() -> None:
        if limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.run(
        [sys.executable, "-m", "engine.cli", *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limited,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def refusal(done: "subprocess.CompletedProcess[str]") -> str:
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_an_import_leaves_nothing_half(tmp_path: Path) -> None:
    source, workspace = tmp_path / "points.npy", tmp_path / "workspace"
    np.save(source, np.random.default_rng(0).normal(size=(10_000, 2)).astype(np.float32))
    before = source.read_bytes()
    words = ("data", "import", source, "mine", "--workspace", workspace)
    sentence = refusal(command(*words, limit=LIMIT))
    assert f"'mine' could not be written to {workspace / 'data'}" in sentence
    assert list(workspace.glob("data/*")) == []
    assert source.read_bytes() == before
    assert command(*words).returncode == 0


def test_an_export_leaves_what_was_there(tmp_path: Path) -> None:
    out = tmp_path / "samples.h5"
    out.write_bytes(b"years of work")
    words = ("sample", "points-spiral", "--n", 20_000, "--out", out, "--workspace", tmp_path / "w")
    sentence = refusal(command(*words, limit=LIMIT))
    assert f"{out} cannot be written" in sentence
    assert out.read_bytes() == b"years of work"
    assert os.listdir(tmp_path) == [out.name]
    assert command(*words).returncode == 0
    with h5py.File(out) as file:
        assert np.abs(file["samples"][()]).min(1).max() > 0
        assert np.all(np.abs(file["samples"][()]).sum(1) > 0)


def test_after_an_error_nothing_more_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HDF5 takes rows after a failed write without a word and gives zeros back for them."""
    written = []

    def full(file: h5py.File, name: str, *rest: object) -> None:
        written.append(name)
        raise RuntimeError("Can't decrement id ref count (No space left on device)")

    monkeypatch.setattr(pack, "_write", full)
    with pytest.raises(OSError, match="No space left"):
        write_pack(tmp_path / "x.h5", {"a": np.ones(3), "b": np.ones(3)})
    assert written == ["a"]


def test_chunks_written_one_by_one_are_the_array(tmp_path: Path) -> None:
    arrays = {
        "images": np.random.default_rng(0).integers(0, 256, (700, 32, 32, 3), np.uint8),
        "names": np.array([b"a", b"longer"] * 350),
        "labels": np.arange(700),
    }
    told: list[int] = []
    write_pack(tmp_path / "x.h5", arrays, lambda: told.append(1))
    found = read_pack(tmp_path / "x.h5", "")
    assert {k: v.dtype for k, v in found.items()} == {k: v.dtype for k, v in arrays.items()}
    assert all(np.array_equal(found[name], array) for name, array in arrays.items())
    assert len(told) > 3
