"""Films, maps and jumps of a source as files: read back, and what is not possible says so."""

import json
import os
from itertools import pairwise
from xml.etree import ElementTree

import h5py
import numpy as np
import pytest
from PIL import Image

from engine.cli import film as film_command
from engine.contract.commands import film_words
from engine.contract.errors import UserError
from engine.contract.films import Film
from engine.contract.maps import map_cells
from engine.contract.messages import Source
from engine.explore.jumps import states
from engine.explore.maps import measured
from engine.explore.models import load_model
from engine.runs.folder import RunFolder
from engine.runs.loss_map import read

POINTS, PICTURES = "points-eight-gaussians", "emoji-16-meanflow"
TINY = (
    "--set", "network.width=16", "--set", "training.batch=32", "--set", "training.warmup=2",
    "--set", "cadence.save=10", "--threads", "1", "--steps", 30,
)  # fmt: skip
SVG = "{http://www.w3.org/2000/svg}"


def lines(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def film(path):
    """The frames, their durations, and what the comment says."""
    frames, durations = [], []
    with Image.open(path) as opened:
        for k in range(opened.n_frames):
            opened.seek(k)
            frames.append(np.asarray(opened.convert("RGB")))
            durations.append(opened.info["duration"])
        return frames, durations, json.loads(opened.info["comment"])


def picture(path):
    """The pixels of a PNG, and its texts."""
    with Image.open(path) as opened:
        return np.asarray(opened), opened.text


def run(engine, tmp_path, preset, name):
    engine("train", preset, "--run", tmp_path / "workspace" / "runs" / name, *TINY)
    return name


@pytest.mark.parametrize("model", [POINTS, PICTURES])
def test_a_scrub_of_points_and_of_pictures(engine, tmp_path, model):
    out = tmp_path / "a b ü.gif"
    wanted = Film("scrub", frames=5, fps=10, size=128, source=Source(seed=7, count=4))
    *told, row = lines(engine(*film_words(model, wanted), "--out", out, "--json"))
    assert [line["done"] for line in told] == list(range(1, 11))
    assert {line["total"] for line in told} == {10}
    assert (row["wrote"], row["frames"], row["bytes"]) == (str(out), 5, out.stat().st_size)
    frames, durations, said = film(out)
    assert durations == [100, 100, 100, 100, 1100]
    assert len({frame.shape for frame in frames}) == 1
    assert all((a != b).any() for a, b in pairwise(frames))
    assert (said["model"], said["seed"], said["t"], said["s"]) == (model, 7, 1.0, 0.0)
    assert (said["film"], said["frames"], said["method"]) == ("scrub", 5, "MeanFlow")
    assert said["step"] == load_model(model, tmp_path).info.step
    again = tmp_path / "again" / "a b ü.gif"
    again.parent.mkdir()
    engine(*film_words(model, wanted), "--out", again)
    assert again.read_bytes() == out.read_bytes()


@pytest.mark.parametrize("preset", ["points-fm", "points-ct", "points-shortcut"])
@pytest.mark.parametrize("kind", ["scrub", "trajectory", "training"])
def test_a_model_of_each_capability(engine, tmp_path, preset, kind):
    name = run(engine, tmp_path, preset, "r")
    out = tmp_path / "a.gif"
    words = ("--kind", kind, "--frames", 4, "--steps", 2, "--count", 32, "--size", 100)
    row = lines(engine("film", name, *words, "--out", out, "--json"))[-1]
    frames, _, said = film(out)
    assert len(frames) == row["frames"] >= 2
    assert said["film"] == kind
    assert said["command"].startswith(f"flowmap-engine film {name} --kind {kind}")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--out", "a.png"), "--out must end in .gif or .mp4"),
        (("--out", "nowhere/a.gif"), "The folder .* is not there"),
        (("--out", "a.gif", "--fps", 60), "shows 50 frames a second at most"),
        (("--out", "a.gif", "--shares", "a"), "--shares must be numbers"),
        (("--out", "a.gif", "--shares", "0.5"), "rising between 0 and 1"),
        (("--out", "a.gif", "--path", "1:1"), "two places"),
        (("--out", "a.gif", "--frames", 1000, "--size", 2048), "too large"),
        (("--out", "a.gif", "--label", 3), "label"),
        (("--out", "a.gif", "--solver", "rk4"), "only a velocity takes a solver"),
    ],
)
def test_what_is_no_film_is_one_sentence_and_no_file(engine, tmp_path, monkeypatch, options, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=words):
        engine("film", POINTS, "--kind", "scrub", *options)
    assert not [name for name in os.listdir(tmp_path) if name != "workspace"]


def test_without_an_encoder_mp4_says_so_before_anything_is_computed(engine, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"flowmap-studio\[film\]"):
        engine("film", "no such model", "--kind", "scrub", "--out", tmp_path / "a.mp4")


def test_a_film_that_fails_in_the_end_leaves_what_was_there(engine, tmp_path, monkeypatch):
    out = tmp_path / "a.gif"
    out.write_bytes(b"old")

    def fails(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("engine.contract.files.os.fsync", fails)
    words = ("--frames", 2, "--count", 16, "--size", 64)
    with pytest.raises(UserError, match="cannot be written: No space left"):
        engine("film", POINTS, "--kind", "scrub", *words, "--out", out)
    assert out.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.gif"]


def test_the_cap_of_a_film_is_what_its_command_says():
    """A film of the largest size still has some frames."""
    assert film_command._MOST / 2048**2 > 100


@pytest.mark.parametrize("kind", ["error", "defect", "residual"])
def test_a_map_as_arrays_is_what_is_measured(engine, tmp_path, kind):
    words = ("map", POINTS, "--kind", kind, "--parts", 4, "--seed", 3)
    for out in (tmp_path / "m.npz", tmp_path / "m.h5"):
        row = lines(engine(*words, "--out", out, "--json"))[-1]
        assert row["places"] == 10
    loaded = load_model(POINTS, tmp_path)
    cells = map_cells(loaded.info, 4)
    found = measured(loaded, kind, Source("noise", 3, 256), cells)
    with np.load(tmp_path / "m.npz") as file, h5py.File(tmp_path / "m.h5") as h5:
        for name in ("t", "s", "values", "size"):
            np.testing.assert_array_equal(file[name], h5[name][()])
        np.testing.assert_allclose(file["values"], found.values.numpy(), rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(np.stack([file["t"], file["s"]], 1), np.float32(cells))
        said = json.loads(str(file["metadata"]))
        assert {name: h5.attrs[name] for name in said if name != "command"} == {
            name: value for name, value in said.items() if name != "command"
        }
    assert (said["map"], said["seed"]) == (kind, 3)
    assert said["meaning"].endswith(".")


def test_a_map_as_picture_and_as_svg(engine, tmp_path):
    words = ("map", POINTS, "--kind", "defect", "--parts", 3, "--middle", 0.25)
    engine(*words, "--scale", 2, "--out", tmp_path / "m.png")
    pixels, texts = picture(tmp_path / "m.png")
    assert pixels.shape[1] == 1520
    assert texts["map"] == "defect"
    assert "--middle 0.25" in texts["command"]
    engine(*words, "--theme", "light", "--out", tmp_path / "m.svg")
    root = ElementTree.parse(tmp_path / "m.svg").getroot()
    said = " ".join(text.text for text in root.iter(f"{SVG}text"))
    assert "cut in two at s + 0.25 (t - s)" in said
    assert root.find(f"{SVG}rect").get("fill") == "#ffffff"
    assert json.loads(root.find(f"{SVG}metadata").text)["middle"] == 0.25


def test_the_loss_of_a_training_is_the_map_that_the_run_kept(engine, tmp_path):
    name = run(engine, tmp_path, "points-meanflow", "r")
    engine("map", name, "--kind", "loss", "--out", tmp_path / "m.npz")
    engine("map", name, "--kind", "loss", "--out", tmp_path / "m.svg")
    kept = read(RunFolder(tmp_path / "workspace" / "runs" / "r"), 30)
    with np.load(tmp_path / "m.npz") as found:
        places = ((found["t"] * 24).astype(int), (found["s"] * 24).astype(int))
        np.testing.assert_allclose(found["values"], kept.sums[places] / kept.counts[places])
        assert found["share"].sum() == pytest.approx(1, abs=1e-5)
        assert len(found["values"]) == (kept.counts > 0).sum() > 24
    said = (tmp_path / "m.svg").read_text("utf-8")
    assert ">mean square<" in said
    with pytest.raises(UserError, match="no map of its training loss"):
        engine("map", PICTURES, "--kind", "loss", "--out", tmp_path / "n.png")


@pytest.mark.parametrize("name", ["m.npz", "m.svg"])
def test_a_map_that_was_measured_is_not_measured_again(engine, tmp_path, monkeypatch, name):
    words = ("map", POINTS, "--kind", "defect", "--parts", 4)
    engine(*words, "--out", tmp_path / name)
    once = (tmp_path / name).read_bytes()
    engine(*words, "--out", tmp_path / "n.npz")
    with np.load(tmp_path / "n.npz") as found:
        np.save(tmp_path / "v.npy", found["values"])
        count = len(found["values"])
    asked = []
    monkeypatch.setattr(
        "engine.explore.maps.measured", lambda *a: asked.append(a[3]) or measured(*a)
    )
    engine(*words, "--values", tmp_path / "v.npy", "--out", tmp_path / name)
    assert (tmp_path / name).read_bytes() == once  # the command in it too
    assert [len(cells) for cells in asked] == [1]
    np.save(tmp_path / "v.npy", np.zeros(count + 1, np.float32))
    with pytest.raises(UserError, match=f"must hold {count} numbers"):
        engine(*words, "--values", tmp_path / "v.npy", "--out", tmp_path / "z.npz")
    (tmp_path / "v.npy").write_bytes(b"no array")
    with pytest.raises(UserError, match="not a readable"):
        engine(*words, "--values", tmp_path / "v.npy", "--out", tmp_path / "z.npz")


def test_a_map_that_cannot_be_is_one_sentence(engine, tmp_path):
    with pytest.raises(UserError, match="Add another model"):
        engine("map", POINTS, "--kind", "distance", "--out", tmp_path / "m.png")
    distance = ("--kind", "distance", "--parts", 2, "--out", tmp_path / "m.npz")
    with pytest.raises(UserError, match="another shape"):
        engine("map", POINTS, "--other", PICTURES, *distance)
    assert not os.listdir(tmp_path)
    engine("map", POINTS, "--other", "points-spiral", *distance)
    with np.load(tmp_path / "m.npz") as found:
        assert found["values"].max() > 0.01


@pytest.mark.parametrize("kind", ["noise", "data"])
def test_a_jump_of_a_source_is_that_of_the_explorer_bit_for_bit(engine, tmp_path, kind):
    words = ("jump", PICTURES, "--t", 0.8, "--s", 0.2, "--from", kind, "--seed", 5, "--count", 3)
    for name in ("a.npz", "a.h5", "a.npy"):
        engine(*words, "--steps", 2, "--out", tmp_path / name)
    source = Source(kind, 5, 3)
    found = states(load_model(PICTURES, tmp_path), source, 0.8, 0.2, 2)
    with np.load(tmp_path / "a.npz") as file, h5py.File(tmp_path / "a.h5") as h5:
        for name, state in (("x_t", found.x_t), ("x_s", found.x_s)):
            np.testing.assert_array_equal(file[name], state.numpy())
            np.testing.assert_array_equal(h5[name][()], state.numpy())
        assert (h5.attrs["t"], h5.attrs["s"], h5.attrs["source"]) == (0.8, 0.2, kind)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), found.x_s.numpy())


def test_a_jump_as_pictures(engine, tmp_path):
    words = ("jump", PICTURES, "--t", 1, "--s", 0, "--count", 4)
    engine(*words, "--scale", 3, "--out", tmp_path / "all.png")
    engine(*words, "--picture", 3, "--out", tmp_path / "one.png")
    engine(*words, "--show", "x_t", "--out", tmp_path / "noise.png")
    whole, _ = picture(tmp_path / "all.png")
    one, texts = picture(tmp_path / "one.png")
    assert whole.shape == (96, 96, 3)
    np.testing.assert_array_equal(whole[48::3, :48:3], one)
    noise, _ = picture(tmp_path / "noise.png")
    assert np.abs(noise[16:, :16].astype(int) - one).mean() > 10
    assert texts["seed"] == "0"
    with pytest.raises(UserError, match="--picture must lie between 1 and 4"):
        engine(*words, "--picture", 5, "--out", tmp_path / "b.png")
    with pytest.raises(UserError, match="wants points"):
        engine(*words, "--out", tmp_path / "b.svg")


def test_a_jump_of_points_as_a_plot(engine, tmp_path):
    words = ("jump", POINTS, "--t", 1, "--s", 0, "--count", 50, "--caption")
    engine(*words, "--out", tmp_path / "p.svg")
    engine(*words, "--scale", 1, "--out", tmp_path / "p.png")
    root = ElementTree.parse(tmp_path / "p.svg").getroot()
    assert len(root.findall(f".//{SVG}circle")) == 100
    assert picture(tmp_path / "p.png")[0].shape[1] == 800


def test_a_plot_draws_the_layers_that_are_asked_for(engine, tmp_path):
    words = ("jump", POINTS, "--t", 0.8, "--s", 0.1, "--count", 50, "--window", "0,0,3")
    draw = ("--draw", "paths,learned,exact,v,mesh", "--beside", "points-spiral")
    engine(*words, *draw, "--out", tmp_path / "p.svg")
    root = ElementTree.parse(tmp_path / "p.svg").getroot()
    circles = [len(g.findall(f"{SVG}circle")) for g in root.iter(f"{SVG}g")]
    lines = [len(g.findall(f"{SVG}polyline")) for g in root.iter(f"{SVG}g")]
    assert [count for count in circles if count] == [50, 50, 50]  # beside, learned, exact
    assert [count for count in lines if count][1:] == [42, 441, 441, 48, 48]  # after the grid
    said = json.loads(root.find(f"{SVG}metadata").text)["command"]
    assert "--draw learned,exact,paths,v,mesh --beside points-spiral --window 0,0,3" in said
    for bad, message in (
        (("--draw", "learned,rainbow"), "--draw knows"),
        (("--window", "0,0"), "--window must be"),
        (("--window", "0,0,-1"), "square of the plane"),
        (("--window", "0,nan,1"), "square of the plane"),
        (("--beside", PICTURES), "other samples"),
        (("--beside", "gone"), "no model"),
    ):
        with pytest.raises(UserError, match=message):
            engine(*words, *bad, "--out", tmp_path / "q.svg")
    assert not (tmp_path / "q.svg").exists()


def test_times_of_each_state_need_the_states(engine, tmp_path):
    np.save(tmp_path / "t.npy", np.ones(1))
    with pytest.raises(UserError, match="give them with --in"):
        engine("jump", POINTS, "--t", tmp_path / "t.npy", "--s", 0, "--out", tmp_path / "a.npz")
    with pytest.raises(UserError, match=r"--out must end in \.npy"):
        engine(
            *("jump", POINTS, "--t", 1, "--s", 0, "--in", tmp_path / "t.npy"),
            *("--out", tmp_path / "a.npz"),
        )


def test_samples_say_where_they_come_from(engine, tmp_path):
    for name in ("a.png", "a.npz"):
        engine("sample", PICTURES, "--n", 3, "--nfe", 2, "--seed", 4, "--out", tmp_path / name)
    _, texts = picture(tmp_path / "a.png")
    wanted = {"t": "1.0", "s": "0.0", "seed": "4", "nfe": "2", "tile": "16x16", "count": "3"}
    assert {name: texts[name] for name in wanted} == wanted
    with np.load(tmp_path / "a.npz") as found:
        assert json.loads(str(found["metadata"]))["command"].startswith("flowmap-engine sample")
