"""`train --start MODEL`: a run that starts from the weights of another."""

import pytest

from engine.contract.errors import UserError
from engine.runs.folder import RunFolder

TINY = (
    "--set", "network.width=16", "--set", "training.batch=32", "--set", "training.warmup=2",
    "--set", "cadence.save=5", "--steps", 10, "--threads", "1",
)  # fmt: skip


@pytest.fixture
def runs(engine, tmp_path):
    """The folder of a workspace's runs with one in it, `a`."""
    folder = tmp_path / "workspace" / "runs"
    assert engine("train", "points-fm", "--run", folder / "a", *TINY).exit_code == 0
    return folder


@pytest.mark.parametrize(("start", "kept"), [("a@5", "a@5"), ("a", "a@10")])
def test_a_run_starts_from_another_and_says_so(engine, runs, start, kept):
    done = engine("train", "points-meanflow", "--run", runs / "b", "--start", start, *TINY)
    assert done.exit_code == 0
    step = kept.partition("@")[2]
    assert f"It starts from the weights of a at step {step}." in done.stderr
    assert RunFolder(runs / "b").spec().start == kept
    rows = [line.split() for line in engine("show", "b").stdout.splitlines()]
    assert ["start", kept] in rows


def test_set_and_the_files_spec_are_the_same_road(engine, runs, tmp_path):
    engine("train", "points-fm", "--run", runs / "b", "--set", "start=a@5", *TINY)
    file = tmp_path / "again.toml"
    file.write_bytes((runs / "b" / "spec.toml").read_bytes())
    engine("train", file, "--run", runs / "c", "--threads", "1")
    engine("train", file, "--run", runs / "d", "--start", "", "--threads", "1")
    assert [RunFolder(runs / name).spec().start for name in "bcd"] == ["a@5", "a@5", ""]
    assert (runs / "c" / "start.safetensors").exists()
    assert not (runs / "d" / "start.safetensors").exists()


def test_another_network_is_refused_in_one_sentence(engine, runs):
    words = ("--run", runs / "b", "--start", "a", *TINY, "--set", "network.width=32")
    with pytest.raises(UserError, match="a has another network: Width 16 instead of 32; "):
        engine("train", "points-fm", *words)
    assert not (runs / "b").exists()
