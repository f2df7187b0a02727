"""Train, look, ask: one tiny run through every command that touches it."""

import json

import h5py
import numpy as np
import pytest
import torch

from engine.contract.errors import UserError
from engine.exchange.model_file import load_model_file

TINY = (
    "--set", "network.width=16", "--set", "training.batch=32", "--set", "cadence.count=16",
    "--set", "training.warmup=2", "--set", "cadence.save=10", "--set", "cadence.sample=10",
    "--threads", "1",
)  # fmt: skip


def lines(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def run(engine, tmp_path):
    """A finished run of twenty steps, in the workspace under the name `tiny`."""
    folder = tmp_path / "workspace" / "runs" / "tiny"
    done = engine("train", "points-meanflow", "--run", folder, "--steps", 20, *TINY)
    assert done.exit_code == 0
    return folder


def test_a_run_is_listed_and_shown(engine, run):
    (row,) = lines(engine("runs", "--json"))
    assert (row["name"], row["state"], row["step"]) == ("tiny", "finished", 20)
    (shown,) = lines(engine("show", "tiny", "--json"))
    assert shown["spec"]["training"]["steps"] == 20
    assert shown["last"]["step"] == 20
    assert shown["checkpoints"][-1] == 20
    assert "finished" in engine("show", "tiny").stdout


@pytest.mark.parametrize("how", [(), ("--json",)])
def test_a_student_that_is_not_like_its_teacher_is_told_about(engine, tmp_path, how):
    runs = tmp_path / "workspace" / "runs"
    engine("train", "points-fm", "--run", runs / "teacher", "--steps", 4, *TINY)
    words = ("points-cd", "--run", runs / "student", "--teacher", "teacher", "--steps", 4)
    done = engine("train", *words, *TINY, "--set", "network.width=24", *how)
    sentence = "The student starts from new weights: its network is not its teacher's."
    assert done.exit_code == 0
    assert (done.stdout if how else done.stderr).count(sentence) == 1
    notes = [line for line in lines(done) if line["type"] == "enginenote"] if how else []
    assert [note["text"] for note in notes] == ([sentence] if how else [])


def test_a_finished_run_resumes_to_nothing_more(engine, run):
    assert lines(engine("resume", "tiny", "--json"))[-1]["step"] == 20


def test_a_run_folder_is_never_taken_twice(engine, run):
    with pytest.raises(UserError, match="tiny"):
        engine("train", "points-meanflow", "--run", run, "--steps", 20, *TINY)


def test_jump_is_the_models_own_map(engine, run, tmp_path):
    """jump(x, t, t) = x; two half jumps asked as one are --steps 2; times may come one a state."""
    x = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)

    def jump(t, s, *more, start="x.npy"):
        out = tmp_path / "y.npy"
        engine("jump", "tiny", "--t", t, "--s", s, "--in", tmp_path / start, "--out", out, *more)
        return np.load(out)

    np.testing.assert_array_equal(jump(0.7, 0.7), x)
    half = jump(1.0, 0.5)
    np.save(tmp_path / "half.npy", half)
    whole = jump(0.5, 0.0, start="half.npy")
    np.testing.assert_allclose(jump(1.0, 0.0, "--steps", 2), whole, atol=1e-6)
    np.save(tmp_path / "t.npy", np.full(5, 1.0))
    np.save(tmp_path / "s.npy", np.full(5, 0.5))
    np.testing.assert_allclose(jump(tmp_path / "t.npy", tmp_path / "s.npy"), half, atol=1e-6)


def test_samples_in_every_format_are_the_same_numbers(engine, run, tmp_path):
    for suffix in ("npy", "npz", "h5"):
        engine("sample", "tiny", "--n", 7, "--seed", 3, "--out", tmp_path / f"a.{suffix}")
    plain = np.load(tmp_path / "a.npy")
    assert plain.shape == (7, 2)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npz")["samples"], plain)
    with h5py.File(tmp_path / "a.h5") as file:
        np.testing.assert_array_equal(file["samples"][:], plain)
        assert file.attrs["nfe"] == 1


def test_an_exported_model_gives_the_same_samples(engine, run, tmp_path):
    engine("export", "tiny", "--out", tmp_path / "m.safetensors")
    for model, name in (("tiny", "a"), (tmp_path / "m.safetensors", "b")):
        engine("sample", model, "--n", 4, "--out", tmp_path / f"{name}.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), np.load(tmp_path / "b.npy"))
    header = load_model_file(tmp_path / "m.safetensors").header
    assert (header.step, header.spec.training.steps) == (20, 20)


def test_bad_requests_are_one_sentence_and_write_nothing(engine, run, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((3, 2), np.float32))
    np.save(tmp_path / "wide.npy", np.zeros((3, 5), np.float32))
    np.save(tmp_path / "text.npy", np.array([["a", "b"]]))
    np.save(tmp_path / "complex.npy", np.zeros((3, 2), complex))
    (tmp_path / "empty.npy").touch()
    ask = ("jump", "tiny", "--in", tmp_path / "x.npy", "--out", tmp_path / "y.npy")
    for words, thing in (
        ((*ask, "--t", "1.5", "--s", "0"), "--t"),
        ((*ask, "--t", "1", "--s", "soon"), "--s"),
        ((*ask[:3], tmp_path / "wide.npy", *ask[4:], "--t", "1", "--s", "0"), "wide.npy"),
        ((*ask[:3], tmp_path / "text.npy", *ask[4:], "--t", "1", "--s", "0"), "text.npy"),
        ((*ask[:3], tmp_path / "complex.npy", *ask[4:], "--t", "1", "--s", "0"), "complex.npy"),
        ((*ask[:3], tmp_path / "empty.npy", *ask[4:], "--t", "1", "--s", "0"), "empty.npy"),
        ((*ask, "--t", tmp_path / "empty.npy", "--s", "0"), "--t"),
        ((*ask, "--t", tmp_path / "complex.npy", "--s", "0"), "--t"),
        (("sample", "tiny", "--out", tmp_path / "y.gif"), "gif"),
        (("sample", "tiny", "--out", tmp_path / "y.png"), "y.png"),
        (("sample", "nobody", "--out", tmp_path / "y.npy"), "nobody"),
        (("train", "points-meanflow", "--data", "cifar-10"), "cifar-10"),
        (("train", "points-meanflow", "--set", "training.batc=3"), "training.batch"),
        (("train", "points-meanflow", "--set", "training.batch=0"), "Batch"),
        (("train", "points-meanflow", "--set", "steps"), "key=value"),
        (("train", "points-meanflow", "--data", "emoji-16"), "emoji-16"),
    ):
        with pytest.raises(UserError, match=thing) as caught:
            engine(*words)
        assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("y.*"))
    assert [row["name"] for row in lines(engine("runs", "--json"))] == ["tiny"]


def test_a_failed_write_leaves_what_was_there(engine, run, tmp_path, monkeypatch):
    out = tmp_path / "kept.npy"
    engine("sample", "tiny", "--n", 2, "--out", out)
    before = out.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(UserError, match=r"kept\.npy"):
        engine("sample", "tiny", "--n", 3, "--out", out)
    assert out.read_bytes() == before
    assert [p.name for p in tmp_path.glob("kept*")] == ["kept.npy"]


def test_a_spec_file_trains_as_its_preset(engine, tmp_path):
    """The spec that a run froze is itself a SPEC, and gives the same weights."""
    first, second = tmp_path / "first", tmp_path / "second"
    engine("train", "points-fm", "--run", first, "--steps", 5, *TINY)
    engine("train", first / "spec.toml", "--run", second, "--threads", 1)
    states = []
    for folder in (first, second):
        engine("export", folder, "--out", tmp_path / "m.safetensors")
        states.append(load_model_file(tmp_path / "m.safetensors").network.state_dict())
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_a_name_with_brackets_is_a_name(engine, tmp_path):
    folder = tmp_path / "[red]a[/b]"
    done = engine("train", "points-fm", "--run", folder, "--steps", 2, *TINY[:6], "--threads", 1)
    assert done.exit_code == 0
    assert "[red]a[/b]" in done.stdout.replace("\n", "")


def test_a_jump_towards_noise_is_marked(engine, run, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((1, 2), np.float32))
    ask = ("jump", "tiny", "--in", tmp_path / "x.npy", "--out", tmp_path / "y.npy", "--json")
    found = [lines(engine(*ask, "--t", t, "--s", s))[0]["outside"] for t, s in ((1, 0), (0, 1))]
    assert found == [False, True]


def test_a_warm_up_that_was_asked_for_is_never_changed_in_silence(engine):
    with pytest.raises(UserError, match="Warm-up"):
        engine("train", "points-fm", "--steps", 3, "--set", "training.warmup=50")
