"""One sample to start from: of the data set, a point of the plane, or a picture of one's own."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from explore_support import (
    dyadic_model,
    endpoint_model,
    exact_model,
    picture_model,
    velocity_model,
)
from msgspec.structs import replace
from PIL import Image

from engine.contract.arrays import unpack
from engine.contract.errors import UserError
from engine.contract.messages import Jump, Look, Looked
from engine.contract.source import Sample, Source
from engine.data import own_pictures
from engine.data.open import open_data
from engine.explore import answers as module
from engine.explore.answers import Answers
from engine.explore.draws import draw_noise, one_sample, start
from engine.explore.jumps import state_at, states
from engine.explore.own_pictures import taken_in


def close(a, b, atol=2e-4):
    assert a.shape == b.shape
    assert float((a - b).abs().max()) <= atol


# One sample.


@pytest.mark.parametrize("name", ["eight-gaussians", "checkerboard", "emoji-16"])
def test_a_data_set_numbers_its_samples(name, workspace):
    dataset = open_data(name, workspace)
    one, again = dataset.pick(3), dataset.pick(3)
    assert torch.equal(one.data, again.data)
    assert one.data.shape == (1, *dataset.info.shape)
    assert not torch.equal(one.data, dataset.pick(4).data)
    if dataset.size():
        assert torch.equal(one.data[0], dataset.all()[3])
        assert int(one.label) == int(dataset.labels()[3])
        held = dataset.pick(2, held_out=True)
        assert torch.equal(held.data[0], dataset.held_out(3)[2])
        assert 0 <= int(held.label) < len(dataset.info.labels)
    else:
        with pytest.raises(UserError, match="was held out; take what"):
            dataset.pick(0, held_out=True)
    with pytest.raises(UserError, match="there is no number"):
        dataset.pick(dataset.size() or -1)
    with pytest.raises(UserError, match="there is no number 0"):
        dataset.pick(-1)


def test_a_sample_is_mixed_with_noise_of_its_own_for_each(workspace):
    model = picture_model(workspace)
    source = Source("sample", 5, 6, sample=Sample(7))
    own, label = one_sample(model, source.sample)
    close(state_at(model, source, 0.0), own.expand(6, *own.shape), 0.0)
    drawn = draw_noise(5, 6, own.shape)
    close(state_at(model, source, 0.4), 0.6 * own + 0.4 * drawn, 1e-6)
    assert torch.equal(state_at(model, source, 1.0), drawn)
    assert start(model, source).label.tolist() == [label] * 6
    assert start(model, replace(source, label=2)).label.tolist() == [2] * 6
    unlabelled = picture_model(workspace, labels=False)
    assert start(unlabelled, source).label is None


@pytest.mark.parametrize("build", [exact_model, velocity_model])
def test_a_point_is_carried_to_noise_along_the_velocity_and_back(workspace, build):
    model = build(workspace)
    place = (1.4, 1.1)
    source = Source("sample", count=2, sample=Sample(point=place, way="carried"))
    assert torch.equal(state_at(model, source, 0.0), torch.tensor([place, place]))
    noise_ = state_at(model, source, 1.0)
    oracle = model.network.oracle
    close(noise_, oracle.jump(torch.tensor([place] * 2), 0.0, 1.0), 2e-2)
    back = states(model, source, 1.0, 0.0, 32 if build is velocity_model else 1)
    close(back.x_s, torch.tensor([place, place]), 3e-2)
    assert back.carried == "ODE"
    assert states(model, source, 0.0, 0.0).carried == ""
    close(state_at(model, source, 0.51), oracle.jump(torch.tensor([place] * 2), 0.0, 0.51), 2e-2)


def test_each_step_up_is_taken_once(workspace):
    model = velocity_model(workspace)
    source = Source("sample", count=2, sample=Sample(way="carried"))
    state_at(model, source, 0.9)
    model.network.asked = 0
    for t in (0.501, 0.7, 0.89):
        state_at(model, source, t)
    assert model.network.asked == 3 * 2


@pytest.mark.parametrize(
    ("build", "words"),
    [(endpoint_model, "no velocity"), (dyadic_model, "steps towards data alone")],
)
def test_who_knows_no_velocity_says_why_it_cannot_carry(workspace, build, words):
    model, source = build(workspace), Source("sample", count=2, sample=Sample(way="carried"))
    with pytest.raises(UserError, match=words):
        states(model, source, 0.5, 0.0)
    noised = replace(source, sample=Sample())
    assert len(states(model, noised, 0.5, 0.0).x_s) == 2


def test_a_sample_of_another_kind_is_refused(workspace):
    points, pictures = exact_model(workspace), picture_model(workspace)
    with pytest.raises(UserError, match="makes points: a picture cannot"):
        one_sample(points, Sample(picture="0" * 16))
    with pytest.raises(UserError, match="makes pictures: a point cannot"):
        one_sample(pictures, Sample(point=(0.0, 0.0)))
    for far in ((math.inf, 0.0), (0.0, math.nan), (1e9, 0.0)):
        with pytest.raises(UserError, match="numbers up to"):
            one_sample(points, Sample(point=far))


# Pictures of one's own.


def save(path, size=(40, 30), colour=(200, 30, 90), mode="RGB", **options):
    Image.new(mode, size, colour).save(path, **options)
    return path


def take_in(path, workspace):
    return own_pictures.take_in(path, workspace)[0]


def test_a_picture_is_kept_by_what_it_shows(tmp_path, workspace):
    name = take_in(save(tmp_path / "a.png"), workspace)
    assert take_in(save(tmp_path / "b.bmp"), workspace) == name
    assert take_in(save(tmp_path / "c.png", colour=(1, 2, 3)), workspace) != name
    shown = taken_in(name, (3, 16, 16), workspace)
    close(
        shown,
        torch.tensor([200, 30, 90.0])[:, None, None].div(127.5).sub(1).expand(3, 16, 16),
        1e-6,
    )
    assert taken_in(name, (1, 8, 8), workspace).shape == (1, 8, 8)
    with pytest.raises(UserError, match="no squares"):
        taken_in(name, (3, 8, 16), workspace)


def test_a_picture_of_the_models_size_is_taken_to_the_bit(tmp_path, workspace):
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "own.png")
    found = taken_in(take_in(tmp_path / "own.png", workspace), (3, 16, 16), workspace)
    again = ((found + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(again, pixels)


def test_the_oldest_pictures_go(tmp_path, workspace, monkeypatch):
    monkeypatch.setattr(own_pictures, "KEPT", 2)
    names = [take_in(save(tmp_path / "a.png", colour=(k, 0, 0)), workspace) for k in range(3)]
    assert len(list((workspace / "pictures").glob("*.png"))) == 2
    assert taken_in(names[-1], (3, 8, 8), workspace).shape == (3, 8, 8)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "0" * 16, "A" * 16, "0" * 15 + "\n"])
def test_a_picture_that_is_not_kept_is_refused(workspace, name):
    with pytest.raises(UserError, match="not here any more"):
        taken_in(name, (3, 8, 8), workspace)


@pytest.fixture
def asked(workspace, monkeypatch):
    """Answers about a small model of pictures."""
    made = Answers(lambda: True)
    made.workspace = workspace
    model = picture_model(workspace)
    monkeypatch.setattr(module, "open_place", lambda *_: model)
    monkeypatch.setattr(module, "resolve", lambda *_: None)
    return made


def test_a_dropped_picture_is_shown_and_stands_at_the_start(asked, tmp_path):
    name = take_in(save(tmp_path / "a.png"), asked.workspace)
    looked, payload = asked.answer(Look(4, "m", Sample(picture=name)))
    assert isinstance(looked, Looked)
    assert (looked.id, looked.count, looked.label) == (4, 0, -1)
    shown = unpack(looked.arrays, payload)["data"]
    assert shown.shape == (16, 16, 3)
    assert (shown == [200, 30, 90]).all()
    jumped, payload = asked.answer(
        Jump(5, "m", Source("sample", 0, 4, sample=looked.sample), 0.0, 0.0)
    )
    assert (unpack(jumped.arrays, payload)["x_t"] == shown).all()


def test_a_look_tells_how_many_there_are(asked, workspace):
    dataset = open_data("emoji-16", workspace)
    for held_out in (False, True):
        looked, payload = asked.answer(Look(1, "m", Sample(1, held_out)))
        assert looked.count == dataset.size(held_out)
        assert looked.label == int(dataset.pick(1, held_out).label)
        assert unpack(looked.arrays, payload)["data"].shape == (16, 16, 3)


def hostile(tmp_path):
    whole = save(tmp_path / "whole.png", (300, 300)).read_bytes()
    bad = {
        "text.png": (b"this is no picture", "is not a picture"),
        "empty.png": (b"", "is not a picture"),
        "cut.png": (whole[: len(whole) // 2], "is damaged"),
        "bent.png": (whole[:60] + b"\xff" * 40 + whole[100:], "is damaged|is not a picture"),
    }
    for name, (content, words) in bad.items():
        (tmp_path / name).write_bytes(content)
        yield tmp_path / name, words
    huge = Image.new("1", (30_000, 30_000))
    huge.save(tmp_path / "huge.png")
    yield tmp_path / "huge.png", "more than 64 million pixels"
    yield tmp_path, "is no file"
    yield tmp_path / "gone.png", "is no file"


def test_hostile_files_are_one_sentence_and_change_nothing(tmp_path, workspace):
    for path, words in hostile(tmp_path):
        with pytest.raises(UserError, match=words) as caught:
            take_in(path, workspace)
        assert str(caught.value).count("\n") == 0
        assert str(caught.value).endswith(".")
    assert not list(workspace.glob("pictures/*"))
    with pytest.raises(UserError, match="no absolute path"):
        take_in(Path("a.png"), workspace)


def test_an_animation_says_that_its_first_frame_is_taken(tmp_path, workspace):
    frames = [Image.new("RGB", (8, 8), (k, 0, 0)) for k in range(3)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    _, note = own_pictures.take_in(tmp_path / "a.gif", workspace)
    assert note == "a.gif has several frames; the first is taken."


def test_the_explorer_opens_no_file(asked, tmp_path):
    with pytest.raises(UserError, match="opens no files"):
        asked.answer(Look(1, "m", Sample(), str(save(tmp_path / "a.png"))))


def test_a_model_of_points_takes_no_picture(asked, workspace, monkeypatch, tmp_path):
    monkeypatch.setattr(module, "open_place", lambda *_: exact_model(workspace))
    name = take_in(save(tmp_path / "a.png"), workspace)
    with pytest.raises(UserError, match="makes points"):
        asked.answer(Look(1, "points", Sample(picture=name)))
