"""Sealed checkpoints: whole and verified, or not there at all."""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from engine.contract.specs import MLP, Data, FlowMatching, RunSpec
from engine.runs.checkpoint import newest, prune, seal, set_aside, sweep, verify
from engine.runs.errors import RunError
from engine.runs.folder import RunFolder

SPEC = RunSpec(Data("eight-gaussians"), FlowMatching(), MLP())


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    made = RunFolder(tmp_path / "run")
    made.create(SPEC)
    return made


def tensors(value: float) -> dict[str, dict[str, torch.Tensor]]:
    return {
        "model": {"w": torch.full((3, 2), value), "n": torch.tensor(4)},
        "ema-0.995": {"w": torch.full((3, 2), -value).T},
        "optimiser": {},
    }


def step_of(run: RunFolder, value: int) -> None:
    seal(run, value, tensors(value), {"step": value})


def test_what_is_sealed_comes_back_bit_for_bit(run) -> None:
    step_of(run, 500)
    found = newest(run)
    assert found is not None
    assert found.step == found.state()["step"] == 500
    assert found.files() == ["ema-0.995", "model", "optimiser"]
    for name, group in tensors(500).items():
        back = found.tensors(name)
        assert back.keys() == group.keys()
        assert all(torch.equal(back[k], group[k]) for k in group)


DAMAGE = {
    "a flipped bit": lambda p: p.write_bytes(p.read_bytes()[:-1] + bytes([p.read_bytes()[-1] ^ 1])),
    "cut short": lambda p: p.write_bytes(p.read_bytes()[:-1]),
    "emptied": lambda p: p.write_bytes(b""),
    "gone": lambda p: p.unlink(),
    "a folder": lambda p: (p.unlink(), p.mkdir()),
}


@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize("file", ["model.safetensors", "state.json", "manifest.json"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_taken(run, file, how) -> None:
    step_of(run, 500)
    step_of(run, 1000)
    DAMAGE[how](run.checkpoint(1000) / file)
    found = newest(run)
    assert found is not None
    assert found.step == 500
    assert "1000" in found.damaged[0]
    assert file in found.damaged[0]


def test_with_no_whole_checkpoint_left_training_does_not_silently_begin_anew(run) -> None:
    assert newest(run) is None
    step_of(run, 500)
    DAMAGE["emptied"](run.checkpoint(500) / "model.safetensors")
    with pytest.raises(RunError, match="No checkpoint"):
        newest(run)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_never_sealed(run, bad) -> None:
    step_of(run, 500)
    poked = tensors(1.0)
    poked["ema-0.995"]["w"][1, 1] = bad
    with pytest.raises(RunError, match=r"w of ema-0\.995 is not finite"):
        seal(run, 1000, poked, {})
    assert run.checkpoints() == [500]


def writes(run: RunFolder, monkeypatch) -> int:
    count = [0]
    sync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (count.__setitem__(0, count[0] + 1), sync(fd)))
    step_of(run, 1)
    monkeypatch.setattr(os, "fsync", sync)
    shutil.rmtree(run.checkpoint(1))
    return count[0]


def failing(after: int, sync: Callable[[int], None]) -> Callable[[int], None]:
    left = iter(range(after))

    def full(descriptor: int) -> None:
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(descriptor)

    return full


def test_a_disk_that_fails_at_any_moment_leaves_the_old_checkpoint_and_no_other(
    run, monkeypatch
) -> None:
    moments = writes(run, monkeypatch)
    assert moments >= 6  # four tensor and state files, the manifest, the folder
    step_of(run, 500)
    sync = os.fsync
    for fatal in range(moments - 1):  # the last is the parent's, behind the rename
        monkeypatch.setattr(os, "fsync", failing(fatal, sync))
        with pytest.raises(RunError, match="no space left"):
            step_of(run, 1000)
        monkeypatch.setattr(os, "fsync", sync)
        assert os.listdir(run.checkpoint(0).parent) == ["000500"]
    step_of(run, 1000)
    assert run.checkpoints() == [500, 1000]


def test_pruning_keeps_the_newest_and_none_of_the_old_ones_goes_for_a_damaged_one(run) -> None:
    for step in (1, 2, 3, 4):
        step_of(run, step)
    DAMAGE["cut short"](run.checkpoint(4) / "model.safetensors")
    prune(run, 2)
    assert run.checkpoints() == [1, 2, 3, 4]
    step_of(run, 4)
    prune(run, 2)
    assert run.checkpoints() == [3, 4]
    assert sorted(os.listdir(run.checkpoint(0).parent)) == ["000003", "000004"]


def test_what_is_set_aside_is_kept_and_does_not_count(run) -> None:
    for step in (1, 2, 3):
        step_of(run, step)
    for _ in range(2):
        set_aside(run, 2)
        assert run.checkpoints() == [1, 2]
        assert verify(run.checkpoint(3).with_name("000003.bad")) == ""
        step_of(run, 3)


def test_a_step_may_be_sealed_anew_after_a_rewind(run) -> None:
    step_of(run, 500)
    seal(run, 500, tensors(7.0), {"step": 500})
    found = newest(run)
    assert found is not None
    assert found.tensors("model")["w"][0, 0] == 7.0


def test_what_a_kill_left_half_written_is_swept_and_never_counts(run) -> None:
    step_of(run, 500)
    half = run.checkpoint(1000).with_name(".tmp-001000")
    shutil.copytree(run.checkpoint(500), half)
    (run.samples / ".tmp-000100.png").write_bytes(b"half")
    (run.path / ".tmp-spec.toml").write_bytes(b"half")
    assert run.checkpoints() == [500]
    sweep(run)
    assert sorted(p.name for p in run.path.rglob(".tmp-*")) == []
    assert run.checkpoints() == [500]


def test_a_checkpoint_without_its_manifest_is_damage_or_what_pruning_left(run) -> None:
    for step in (1, 2, 3):
        step_of(run, step)
    (run.checkpoint(1) / "manifest.json").unlink()
    (run.checkpoint(3) / "manifest.json").unlink()
    sweep(run)
    assert not run.checkpoint(1).exists()
    assert run.checkpoints(sealed=False) == [2, 3]
    found = newest(run)
    assert found is not None
    assert found.step == 2
    assert "step 3 is damaged (manifest.json: " in found.damaged[0]
    assert set_aside(run, 2) == ["000003.bad"]
    (run.checkpoint(2) / "manifest.json").unlink()
    with pytest.raises(RunError, match="No checkpoint"):
        newest(run)


def test_the_newest_of_some_step_at_most(run) -> None:
    for step in (1, 5, 9):
        step_of(run, step)
    for most, wanted in ((9, 9), (8, 5), (5, 5), (4, 1)):
        found = newest(run, most)
        assert found is not None
        assert found.step == wanted
    assert newest(run, 0) is None


def test_a_manifest_may_not_name_files_elsewhere_nor_be_of_a_newer_version(run) -> None:
    step_of(run, 500)
    manifest = run.checkpoint(500) / "manifest.json"
    text = manifest.read_text()
    manifest.write_text(text.replace('"state.json"', '"../../spec.toml"'))
    assert "elsewhere" in verify(run.checkpoint(500))
    manifest.write_text(text.replace('"format": 1', '"format": 2'))
    with pytest.raises(RunError, match="in format 2; this is version"):
        newest(run)
    manifest.write_text(text)
    assert verify(run.checkpoint(500)) == ""
