"""A safetensors file is believed only as far as its bytes go, and weights only where they fit."""

import io
from pathlib import Path

import hostile_files as hostile
import numpy as np
import psutil
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save, save_file

from engine.contract.catalogue import DataSet
from engine.contract.errors import UserError
from engine.contract.specs import MLP, Data, MeanFlow, RunSpec, Training
from engine.contract.tensor_file import read_tensor_header, tensor_header
from engine.exchange.errors import ModelError
from engine.exchange.inspection import inspect
from engine.exchange.model_file import load_model_file, save_model
from engine.exchange.tensor_file import tensor_file
from engine.exchange.weights import filled_network
from engine.networks.build import network_of
from engine.runs.checkpoint import Checkpoint

HEADERS = hostile.hostile_headers()
SPEC = RunSpec(Data("rings"), MeanFlow(), MLP(8, 1), training=Training(steps=200, warmup=10))
POINTS = DataSet("rings", "Rings", "points", (2,))


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_lies_is_refused_before_anything_is_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(HEADERS[name])
    for open_it in (load_model_file, tensor_file, tensor_header):
        with pytest.raises(UserError) as caught:
            open_it(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(UserError):
        inspect(path)
    checkpoint = tmp_path / "ema-0.9.safetensors"
    checkpoint.write_bytes(HEADERS[name])
    with pytest.raises(UserError):
        Checkpoint(0, tmp_path).tensors("ema-0.9")


def test_what_the_library_lets_pass_is_refused_too(tmp_path: Path) -> None:
    """Two names and a giant without numbers: the reason why there is a check of our own."""
    for name in ("twice", "giant zero"):
        path = tmp_path / "m.safetensors"
        path.write_bytes(HEADERS[name])
        with safe_open(path, "np") as file:
            assert list(file.keys())
        with pytest.raises(UserError):
            tensor_header(path)


def test_what_the_library_writes_is_read(tmp_path: Path) -> None:
    made = {
        "a": torch.randn(3, 4),
        "b.c": torch.zeros(0, 512),
        "ü": torch.ones((), dtype=torch.bfloat16),
        "n": torch.arange(5),
        "flag": torch.ones(3, dtype=torch.bool),
    }
    content = save(made, {"flowmap": "x"})
    header = read_tensor_header("m", io.BytesIO(content))
    assert header.metadata == {"flowmap": "x"}
    assert {name: found.shape for name, found in header.tensors.items()} == {
        name: tuple(tensor.shape) for name, tensor in made.items()
    }


def test_a_long_header_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    with open(path, "wb") as file:
        file.write((200 << 20).to_bytes(8, "little"))
        file.truncate(201 << 20)
    before = psutil.Process().memory_info().rss
    with pytest.raises(UserError, match="its header has 200 MB"):
        tensor_header(path)
    assert psutil.Process().memory_info().rss - before < 32 << 20


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    return network_of(SPEC, (2,), 0).state_dict()


def test_weights_of_another_network_are_refused_unread(
    tmp_path: Path, state: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names, shapes and types are those of the spec before a single weight is in memory."""
    bad = {
        "shape": {k: torch.zeros(*v.shape, 1) for k, v in state.items()},
        "names": {f"{k}.x": v for k, v in state.items()},
        "types": {k: v.to(torch.int64) for k, v in state.items()},
    }
    monkeypatch.setattr("engine.exchange.tensor_file.load_file", lambda path: 1 / 0)
    for name, tensors in bad.items():
        path = tmp_path / f"{name}.safetensors"
        save_file({k: v.contiguous() for k, v in tensors.items()}, path)
        with pytest.raises(ModelError, match="does not fit the network of its spec"):
            filled_network(name, SPEC, POINTS, tensor_file(path))


def test_a_file_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, state: dict[str, torch.Tensor]
) -> None:
    path = tmp_path / "m.safetensors"
    save_file(state, path)
    found = tensor_file(path)
    path.write_bytes(b"gone")
    with pytest.raises(ModelError, match="cannot be read"):
        filled_network("m", SPEC, POINTS, found)


def test_every_cut_and_every_longer_file_is_refused(
    tmp_path: Path, state: dict[str, torch.Tensor]
) -> None:
    path = tmp_path / "m.safetensors"
    save_model(path, state, SPEC, POINTS, 5, 0.9)
    whole = path.read_bytes()
    load_model_file(path)
    for cut in np.linspace(0, len(whole) - 1, 20).astype(int):
        path.write_bytes(whole[:cut])
        with pytest.raises(ModelError):
            load_model_file(path)
    path.write_bytes(whole + b"x")
    with pytest.raises(ModelError, match="bytes"):
        load_model_file(path)
