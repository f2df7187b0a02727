"""`inspect`: a user learns what a file holds, and nothing in it is run."""

import json
import os

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.contract.errors import UserError


class Program:
    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return os.system, (f"touch '{self.canary}'",)


def test_a_checkpoint_is_listed_and_written_as_safetensors(engine, tmp_path):
    weight = torch.randn(3, 4)
    torch.save({"state_dict": {"w": weight}, "epoch": 3}, tmp_path / "m.ckpt")
    done = engine("inspect", tmp_path / "m.ckpt", "--out", tmp_path / "m.safetensors")
    assert done.exit_code == 0
    assert "torch checkpoint, 2 inside" in done.stdout
    assert "is no tensor (int)" in done.stdout
    assert "Wrote 1 to" in done.stdout
    assert torch.equal(load_file(tmp_path / "m.safetensors")["state_dict.w"], weight)
    done = engine("inspect", tmp_path / "m.safetensors", "--json")
    head, *rows = map(json.loads, done.stdout.splitlines())
    assert head == {"kind": "safetensors", "count": 1, "note": "", "wrote": 0}
    assert rows == [{"name": "state_dict.w", "shape": [3, 4], "dtype": "F32", "refused": ""}]


def test_safetensors_of_any_numbers_are_written_without_what_they_say(engine, tmp_path):
    held = {
        "half": torch.randn(5, dtype=torch.bfloat16),
        "mask": torch.tensor([True, False, True]),
        "none": torch.zeros(0, 3),
        "w": torch.randn(3, 4),
    }
    save_file(held, tmp_path / "m.safetensors", {"note": "what a stranger wrote"})
    done = engine("inspect", tmp_path / "m.safetensors", "--out", tmp_path / "out.safetensors")
    assert "Wrote 4 to" in done.stdout
    found = load_file(tmp_path / "out.safetensors")
    assert found.keys() == held.keys()
    assert all(torch.equal(found[name], held[name]) for name in held)
    assert b"stranger" not in (tmp_path / "out.safetensors").read_bytes()


def test_a_program_is_refused_by_its_name(engine, tmp_path):
    torch.save({"w": Program(tmp_path / "canary")}, tmp_path / "m.pt")
    with pytest.raises(UserError, match=r"m\.pt holds more than weights: .* \w+\.system"):
        engine("inspect", tmp_path / "m.pt")
    assert not (tmp_path / "canary").exists()


def test_limits_can_be_lowered(engine, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((1 << 21, 2)))
    with pytest.raises(UserError, match="needs more memory than a foreign file may take"):
        engine("inspect", tmp_path / "x.npy", "--memory", 8)
    assert engine("inspect", tmp_path / "x.npy").exit_code == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "no file that can be looked into"), (b"\x1f\x8b" * 9, "unpack it first")],
)
def test_what_cannot_be_looked_into_says_so(engine, tmp_path, content, words):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(UserError, match=words):
        engine("inspect", tmp_path / "x")
