"""`verify`, `train --dry-run` and `resume --set`: what a run is worth, costs and may change."""

import json

import pytest

from engine.contract.errors import UserError
from engine.contract.journal import Started
from engine.runs import checkpoint
from engine.runs.folder import RunFolder
from engine.runs.history import read_history

TINY = (
    "--set", "network.width=16", "--set", "training.batch=32", "--set", "training.warmup=2",
    "--set", "cadence.save=5", "--steps", 10, "--threads", "1",
)  # fmt: skip


@pytest.fixture
def run(engine, tmp_path):
    """A run of a workspace, `a`."""
    folder = tmp_path / "workspace" / "runs" / "a"
    assert engine("train", "points-meanflow", "--run", folder, *TINY).exit_code == 0
    return RunFolder(folder)


def test_verify_leaves_with_0_where_all_is_the_same_and_with_1_where_not(engine, run):
    done = engine("verify", "a")
    assert done.exit_code == 0
    assert "bit for bit" in done.stdout
    found = checkpoint.newest(run)
    tensors = {name: found.tensors(name) for name in found.files()}
    next(iter(tensors["model"].values())).add_(1e-3)
    checkpoint.seal(run, found.step, tensors, found.state())
    done = engine("verify", run.path)
    assert done.exit_code == 1
    assert "differ from what lies on the disk" in done.stderr
    assert done.stdout == ""


def test_verify_tells_programs_how_far_it_is(engine, run):
    lines = [json.loads(line) for line in engine("verify", "a", "--json").stdout.splitlines()]
    assert lines[:-1] == [{"done": k, "total": 5} for k in range(1, 6)]
    assert lines[-1]["same"] is True
    lines = engine("verify", "a", "--steps", 2, "--json").stdout.splitlines()
    assert json.loads(lines[-2]) == {"done": 4, "total": 4}
    assert "twice, once with a stop" in json.loads(lines[-1])["message"]


def test_verify_of_what_is_no_run_is_one_sentence(engine):
    with pytest.raises(UserError, match="no run 'b'"):
        engine("verify", "b")


@pytest.mark.parametrize("preset", ["points-cmt", "points-pd", "points-ctm"])
def test_a_dry_run_goes_through_every_stage_and_leaves_nothing(engine, tmp_path, preset):
    done = engine("train", preset, "--dry-run", "--threads", "1", "--set", "training.batch=16")
    assert done.exit_code == 0
    for word in ("peak memory", "speed", "whole training", "a checkpoint"):
        assert word in done.stdout
    assert not (tmp_path / "workspace").exists()


def test_a_dry_run_gives_programs_the_numbers(engine):
    lines = engine("train", "points-fm", "--dry-run", "--json", *TINY).stdout.splitlines()
    found = json.loads(lines[-1])
    assert found.keys() == {"device", "memory", "rate", "seconds", "checkpoint", "steps"}
    assert found["memory"] > 50 << 20
    assert found["checkpoint"] > 1000
    assert found["steps"] == 10
    assert json.loads(lines[0])["done"] == 1


def test_a_dry_run_whose_memory_ends_says_what_to_lower(engine, monkeypatch):
    def full(network, *rows):
        raise MemoryError

    monkeypatch.setattr("engine.networks.mlp.MLP.features", full)
    with pytest.raises(UserError, match=r"batch of 32; lower training\.batch"):
        engine("train", "points-fm", "--dry-run", *TINY)


def test_resume_takes_changes_and_says_them(engine, run):
    text = run.spec_file.read_bytes()
    done = engine("resume", "a", "--threads", "1", "--set", "training.clip=0.5")
    assert done.exit_code == 0
    assert "training.clip is 0.5 from here on, instead of 1." in done.stderr
    assert [e.changes for e in read_history(run).events if isinstance(e, Started)][1:] == [
        (("training.clip", "0.5"),)
    ]
    assert run.spec_file.read_bytes() == text
    with pytest.raises(UserError, match=r"cannot change network\.width"):
        engine("resume", "a", "--set", "network.width=32")
    with pytest.raises(UserError, match=r"wants key=value, not 'training\.clip'"):
        engine("resume", "a", "--set", "training.clip")
