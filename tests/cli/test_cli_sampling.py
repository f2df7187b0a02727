"""The options of `sample` and `jump` reach the model, and what does not fit it is one sentence."""

import json

import h5py
import numpy as np
import pytest
import torch

from engine.contract.catalogue import shipped_data
from engine.contract.errors import UserError
from engine.contract.specs import Data, ImprovedMeanFlow, RunSpec, UNet
from engine.exchange.model_file import save_model
from engine.explore.draws import draw_noise
from engine.networks.build import network_of

MAP = "points-eight-gaussians"  # a shipped flow map
TINY = ("--set", "network.width=16", "--set", "training.batch=32", "--threads", "1", "--steps", 3)


def lines(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def ask(engine, tmp_path):
    """`ask(model, *options)` samples; gives the row that is printed and the samples."""

    def sample(model, *options):
        out = tmp_path / "out.npy"
        words = ("sample", model, "--n", 5, "--out", out, "--json", *options)
        (row,) = lines(engine(*words))
        return row, np.load(out)

    return sample


@pytest.fixture
def velocity(engine, tmp_path):
    folder = tmp_path / "workspace" / "runs" / "velocity"
    engine("train", "points-fm", "--run", folder, *TINY)
    return "velocity"


def test_gamma_renews_noise_between_steps(ask):
    plain, exact = ask(MAP, "--nfe", 2)
    assert (plain["nfe"], plain["how"]) == (2, "composed")
    none, same = ask(MAP, "--nfe", 2, "--gamma", 0)
    assert none["how"] == "composed"
    np.testing.assert_array_equal(same, exact)
    half, noisy = ask(MAP, "--nfe", 2, "--gamma", 0.5)
    assert (half["nfe"], half["how"]) == (2, "re-noise")
    assert np.abs(noisy - exact).max() > 0.01
    np.testing.assert_array_equal(ask(MAP, "--nfe", 2, "--gamma", 0.5)[1], noisy)
    assert not np.array_equal(ask(MAP, "--nfe", 2, "--gamma", 0.5, "--seed", 1)[1], noisy)


def test_times_may_be_chosen(ask):
    even, samples = ask(MAP, "--nfe", 2)
    half, same = ask(MAP, "--times", "0.5")
    assert half["nfe"] == even["nfe"]
    np.testing.assert_array_equal(same, samples)
    assert ask(MAP, "--times", "0.9,0.5,0.2")[0]["nfe"] == 4
    assert ask(MAP, "--nfe", 3, "--times", "karras")[0]["nfe"] == 3


def test_solvers_of_a_velocity(ask, velocity):
    for solver, each in (("euler", 1), ("heun", 2), ("rk4", 4), ("dpm++2m", 1)):
        how = ("--solver", solver, "--times", "karras")
        row, samples = ask(velocity, "--nfe", 4 * each, *how)
        assert (row["nfe"], row["how"]) == (4 * each, "ODE")
        assert np.isfinite(samples).all()
        assert ask(velocity, *how)[0]["nfe"] == each  # one step


def test_nfe_counts_evaluations_of_the_network(ask, velocity):
    """With as many of them Heun lands nearer to the flow than Euler."""
    finest = ask(velocity, "--nfe", 1000, "--solver", "rk4")[1]
    off = {
        solver: np.abs(ask(velocity, "--nfe", 8, "--solver", solver)[1] - finest).max()
        for solver in ("euler", "heun")
    }
    assert off["heun"] < off["euler"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--nfe", 5), "cannot take 5 evaluations .* takes 2 at least; choose --nfe 6"),
        (("--nfe", 1), "choose --nfe 2"),
        (("--nfe", 6, "--solver", "rk4"), "takes 4 at least; choose --nfe 8"),
        (("--nfe", 3, "--times", "0.5"), "choose --nfe 4"),
        (("--nfe", 4000, "--solver", "euler"), "number of steps must lie between 1 and 1000"),
    ],
)
def test_nfe_that_no_steps_take_is_refused(ask, velocity, options, words):
    with pytest.raises(UserError, match=words):
        ask(velocity, *options)


def test_nfe_of_a_dyadic_model_are_its_own_steps(engine, ask, tmp_path):
    engine("train", "points-shortcut", "--run", tmp_path / "workspace" / "runs" / "short", *TINY)
    assert ask("short", "--nfe", 4)[0]["nfe"] == 4
    with pytest.raises(UserError, match="choose --nfe 4"):
        ask("short", "--nfe", 3)


def test_a_consistency_model_stops_where_its_paper_does(engine, ask, tmp_path):
    engine("train", "points-ct", "--run", tmp_path / "workspace" / "runs" / "ct", *TINY)
    one, _ = ask("ct")
    two, samples = ask("ct", "--times", "paper")
    assert [(row["nfe"], row["how"]) for row in (one, two)] == [(1, "jump"), (2, "re-noise")]
    np.testing.assert_array_equal(ask("ct", "--times", "paper", "--gamma", 1)[1], samples)
    with pytest.raises(UserError, match="gamma must be 1"):
        ask("ct", "--gamma", 0.5)
    np.save(tmp_path / "x.npy", np.zeros((3, 2), np.float32))
    jump = ("jump", "ct", "--t", 0.9, "--s", 0.4, "--in", tmp_path / "x.npy", "--json")
    out = ("--out", tmp_path / "y.npy")
    (row,) = lines(engine(*jump, *out))
    assert (row["nfe"], row["how"], row["outside"]) == (1, "re-noise", False)
    kept = np.load(tmp_path / "y.npy")
    engine(*jump, *out, "--seed", 1)
    assert not np.array_equal(np.load(tmp_path / "y.npy"), kept)


def test_what_was_asked_lies_in_the_file(engine, velocity, tmp_path):
    out = tmp_path / "a.h5"
    engine("sample", velocity, "--n", 2, "--nfe", 2, "--solver", "dpm++2m", "--out", out)
    with h5py.File(out) as file:
        said = dict(file.attrs)
    assert (said["how"], said["solver"], said["nfe"], said["times"]) == (
        "ODE",
        "dpm++2m",
        2,
        "even",
    )
    assert "gamma" not in said


@pytest.fixture
def told(tmp_path):
    """A model file of iMF that learned all guidances, with weights of no meaning."""
    method = ImprovedMeanFlow(guidance="chosen", omega=2.0, guidance_to=0.75)
    spec = RunSpec(Data("emoji-16", labels=True), method, UNet(8, (1.0, 2.0), 1, ()))
    (data,) = (known for known in shipped_data() if known.name == "emoji-16")
    torch.manual_seed(0)
    network = network_of(spec, data.shape, len(data.labels)).requires_grad_(False)
    for weights in network.parameters():
        weights.normal_(std=0.25)
    path = tmp_path / "told.safetensors"
    save_model(path, network.state_dict(), spec, data, 4000, 0.995)
    return path


def test_guidance_of_a_model_that_learned_all(engine, ask, told, tmp_path):
    own, samples = ask(told)
    assert (own["nfe"], own["how"]) == (1, "jump")
    np.testing.assert_array_equal(ask(told, "--guidance", 2, "--guidance-to", 0.75)[1], samples)
    seen = [samples]
    for options in (("--guidance", 6), ("--guidance", 1), ("--guidance-from", 0.5)):
        row, found = ask(told, *options)
        assert row["nfe"] == 1
        assert all(np.abs(found - other).max() > 1e-3 for other in seen)
        seen.append(found)
    with pytest.raises(UserError, match="Guidance must lie between 1 and 8, not 9"):
        ask(told, "--guidance", 9)
    with pytest.raises(UserError, match=r"in \[0, 1\].* not from 0.5 to 0.25"):
        ask(told, "--guidance-from", 0.5, "--guidance-to", 0.25)
    pictures = [tmp_path / f"{weight}.png" for weight in (1, 6)]
    for picture in pictures:
        engine("sample", told, "--n", 4, "--guidance", picture.stem, "--out", picture)
    assert pictures[0].read_bytes() != pictures[1].read_bytes()


def test_a_jump_takes_the_same_guidance(engine, ask, told, tmp_path):
    """From the noise of seed 0 to data, which is what `sample` does."""
    _, samples = ask(told, "--guidance", 5, "--label", 2)
    np.save(tmp_path / "x.npy", draw_noise(0, 5, (3, 16, 16)).numpy())
    words = ("jump", told, "--t", 1.0, "--s", 0.0, "--in", tmp_path / "x.npy", "--label", 2)
    out = tmp_path / "y.npy"
    engine(*words, "--guidance", 5, "--out", out)
    np.testing.assert_allclose(np.load(out), samples, atol=1e-5)
    engine(*words, "--out", out)
    assert np.abs(np.load(out) - samples).max() > 1e-3


def test_the_guidance_that_was_taken_lies_in_the_file(engine, told, tmp_path):
    out = tmp_path / "a.h5"
    engine("sample", told, "--n", 2, "--guidance", 3, "--out", out)
    with h5py.File(out) as file:
        said = [file.attrs[name] for name in ("guidance", "guidance_from", "guidance_to")]
    assert said == [3.0, 0.0, 0.75]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--gamma", 1.5), "gamma must lie"),
        (("--solver", "rk4"), "only a velocity takes a solver"),
        (("--guidance", 2), "cannot be guided while sampling"),
        (("--guidance-to", 0.5), "cannot be guided while sampling"),
        (("--times", "soon"), "--times must be even, karras, paper or times"),
        (("--times", "0.2,0.5"), "must lead from 1 to 0 in order"),
        (("--times", "paper"), "meanflow takes any times"),
    ],
)
def test_what_does_not_fit_is_one_sentence(ask, options, words, tmp_path):
    with pytest.raises(UserError, match=words):
        ask(MAP, *options)
    assert not (tmp_path / "out.npy").exists()


def test_an_unknown_solver_is_refused(engine, tmp_path):
    found = engine("sample", MAP, "--solver", "magic", "--out", tmp_path / "a.npy")
    assert found.exit_code == 2


@pytest.mark.parametrize("option", ["--t", "--s"])
def test_times_that_are_an_archive_under_another_name_are_refused(engine, tmp_path, option):
    np.save(tmp_path / "x.npy", np.zeros((3, 2), np.float32))
    np.savez(tmp_path / "times.npz", t=np.zeros(3))
    (tmp_path / "times.npz").rename(tmp_path / "times.npy")
    words = {"--t": "1.0", "--s": "0.0"} | {option: str(tmp_path / "times.npy")}
    flat = [word for pair in words.items() for word in pair]
    files = ("--in", tmp_path / "x.npy", "--out", tmp_path / "y.npy")
    with pytest.raises(UserError, match=f"^{option} must be a number or a .npy of 3 times"):
        engine("jump", MAP, *flat, *files)
    assert not (tmp_path / "y.npy").exists()
