"""Checkpoints that are programs, or claim more than they hold, are refused; nothing runs."""

import pickle
import re
from pathlib import Path

import hostile_files as hostile
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from engine.contract.errors import UserError
from engine.contract.messages import Inspect, Inspected
from engine.data.errors import DataError
from engine.data.points_file import read_points
from engine.exchange.errors import ModelError
from engine.exchange.foreign_weights import read_checkpoint
from engine.exchange.inspection import inspect
from engine.worker.inspecting import ask_inspector
from engine.worker.limits import limits_for


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """What a program in a file would make."""
    return tmp_path / "canary"


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", hostile.programs(Path("canary")))
def test_no_program_in_a_checkpoint_runs(tmp_path: Path, canary: Path, name: str) -> None:
    path = written(tmp_path / name, hostile.programs(canary)[name])
    with pytest.raises(ModelError, match=r"more than weights|TorchScript|cannot be read") as caught:
        read_checkpoint(path)
    assert str(caught.value).startswith(name)
    assert str(caught.value).count("\n") == 0
    assert not canary.exists()


def test_a_torchscript_program_is_named(tmp_path: Path, canary: Path) -> None:
    path = written(tmp_path / "script.pt", hostile.programs(canary)["script.pt"])
    with pytest.raises(ModelError, match=r"script\.pt is a TorchScript program, not weights"):
        read_checkpoint(path)


def test_the_canary_sings_where_a_pickle_is_read(canary: Path) -> None:
    """The programs above are real ones."""
    pickle.loads(hostile.programs(canary)["protocol-2.pkl"])
    assert canary.exists()


def test_a_distributed_checkpoint_is_not_opened(tmp_path: Path, canary: Path) -> None:
    (tmp_path / "dcp").mkdir()
    written(tmp_path / "dcp" / ".metadata", hostile.programs(canary)["protocol-2.pkl"])
    with pytest.raises(UserError, match=r"its \.metadata is a program and is never run"):
        inspect(tmp_path / "dcp")
    assert not canary.exists()


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_no_program_in_an_array_runs(tmp_path: Path, canary: Path, suffix: str) -> None:
    array = np.array([[hostile.Program(canary)] * 2] * 3, object)
    path = tmp_path / f"x{suffix}"
    if suffix == ".npy":
        np.save(path, array, allow_pickle=True)
    else:
        np.savez(path, points=array)
    with pytest.raises(DataError, match="holds Python objects"):
        read_points(path)
    assert not canary.exists()


def test_the_inspect_worker_reads_no_pickle_at_all(tmp_path: Path, canary: Path) -> None:
    """In its own process, where even a library that would unpickle is stopped."""
    path = written(tmp_path / "evil.pt", hostile.programs(canary)["zip.pt"])
    with pytest.raises(UserError, match=r"evil\.pt holds more than weights: it wants to run"):
        ask_inspector(Inspect(0, str(path)), tmp_path, limits_for(path))
    assert not canary.exists()


def test_weights_come_out_as_safetensors(tmp_path: Path) -> None:
    state = {"a.weight": torch.randn(3, 4).T, "b": torch.ones(2, dtype=torch.bfloat16)}
    whole = {"state_dict": state, "tied": state["a.weight"], "epoch": 3, "names": ["x"]}
    path = written(tmp_path / "model.pt", hostile.torch_bytes(whole))
    out = tmp_path / "out.safetensors"
    found = ask_inspector(Inspect(0, str(path), str(out)), tmp_path, limits_for(path))
    assert isinstance(found, Inspected)
    assert (found.kind, found.wrote) == ("torch checkpoint", 3)
    assert {h.name: h.refused for h in found.held if h.refused} == {
        "epoch": "is no tensor (int)",
        "names": "is no tensor (list)",
    }
    taken = load_file(out)
    assert torch.equal(taken["state_dict.a.weight"], state["a.weight"])
    assert torch.equal(taken["state_dict.b"], state["b"])
    assert torch.equal(taken["tied"], state["a.weight"])


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("view", torch.zeros(1).expand(10**12), r"claims 1,000,000,000,000 numbers"),
        ("sparse", torch.eye(3).to_sparse(), "no plain tensor"),
        ("meta", torch.empty(10**12, device="meta"), "no plain tensor"),
        ("complex", torch.zeros(2, dtype=torch.complex64), "complex64"),
        ("a\nb", torch.zeros(2), "cannot be written"),
        ("x" * 2000, torch.zeros(2), "cannot be written"),
        ("text", "hello", r"no tensor \(str\)"),
    ],
    ids=lambda value: str(value)[:8],
)
def test_a_value_that_is_no_plain_tensor_is_left_out(
    tmp_path: Path, name: str, value: object, words: str
) -> None:
    path = written(tmp_path / "m.pt", hostile.torch_bytes({name: value, "good": torch.ones(2)}))
    held = {h.name: h.refused for h in inspect(path).held}
    assert held.pop("good") == ""
    (refused,) = held.values()
    assert re.search(words, refused)


def test_a_compressed_checkpoint_is_refused_unread(tmp_path: Path) -> None:
    whole = hostile.torch_bytes({"weight": torch.zeros(1 << 20)})
    path = written(tmp_path / "bomb.pt", hostile.repacked(whole))
    assert path.stat().st_size < 100_000
    with pytest.raises(ModelError, match="its archive is compressed"):
        read_checkpoint(path)


def test_an_archive_that_names_its_bytes_twice_is_refused(tmp_path: Path) -> None:
    whole = hostile.torch_bytes({"weight": torch.ones(1 << 16)})
    path = written(tmp_path / "bomb.pt", hostile.overlapping(whole, 50))
    with pytest.raises(ModelError, match="claims more bytes than it has"):
        read_checkpoint(path)


def test_tables_within_tables_are_each_seen_once(tmp_path: Path) -> None:
    path = written(tmp_path / "m.pt", hostile.torch_bytes(hostile.shared_tables(60)))
    values = read_checkpoint(path)
    assert len(values) < 20
    assert all("seen before" in value.refused for value in values)


def test_views_of_one_tensor_are_not_written_out(tmp_path: Path) -> None:
    base = torch.zeros(1 << 18)
    path = written(tmp_path / "m.pt", hostile.torch_bytes({f"v{k}": base[k:] for k in range(50)}))
    with pytest.raises(UserError, match="far more than it has"):
        inspect(path, tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()


@pytest.mark.parametrize("legacy", [False, True])
def test_every_cut_of_a_checkpoint_is_refused(tmp_path: Path, legacy: bool) -> None:
    whole = hostile.torch_bytes(
        {"weight": torch.randn(64)}, _use_new_zipfile_serialization=not legacy
    )
    path = tmp_path / "m.pt"
    for cut in np.linspace(0, len(whole) - 1, 20).astype(int):
        with pytest.raises(UserError) as caught:
            inspect(written(path, whole[:cut]))
        assert "\n" not in str(caught.value)
