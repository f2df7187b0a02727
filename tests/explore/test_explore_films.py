"""The states of films: those of the jumps that they show."""

import pytest
import torch
from explore_support import (
    dyadic_model,
    endpoint_model,
    exact_model,
    make_run,
    picture_model,
    points_spec,
    velocity_model,
)

from engine.contract.errors import UserError
from engine.contract.films import Film, places
from engine.contract.messages import Keep, Sampler
from engine.contract.source import Source
from engine.contract.specs import CD, Teacher
from engine.explore.films import kept_steps, shots
from engine.explore.jumps import states
from engine.explore.models import load_model

MAKERS = {
    "flow map": exact_model,
    "velocity": velocity_model,
    "endpoint": endpoint_model,
    "dyadic": dyadic_model,
}
SOURCE = Source(seed=4, count=5)


def made(loaded, film, name="exact"):
    count, found = shots(loaded, name, film)
    frames = list(found)
    assert len(frames) == count
    return frames


@pytest.mark.parametrize("capability", MAKERS)
@pytest.mark.parametrize("t", [1.0, 0.7])
def test_a_scrub_shows_the_jumps_of_its_places(workspace, capability, t):
    loaded = MAKERS[capability](workspace)
    film = Film("scrub", t=t, source=SOURCE, frames=6)
    frames = made(loaded, film)
    assert [(shot.t, shot.s) for shot in frames] == places(film, loaded.info)
    for shot in frames:
        found = states(loaded, SOURCE, shot.t, shot.s)
        torch.testing.assert_close(shot.x_s, found.x_s, rtol=0, atol=0)
        torch.testing.assert_close(shot.x_t, found.x_t, rtol=0, atol=0)
        assert shot.nfe == found.nfe
        assert not found.outside
    torch.testing.assert_close(frames[0].x_s, frames[0].x_t)  # nothing moves where s = t


SAMPLERS = {
    "flow map": (Sampler(), Sampler(gamma=0.0), Sampler(gamma=0.5), Sampler(times=(0.8, 0.3))),
    "velocity": (Sampler(), Sampler(solver="euler"), Sampler(solver="dpm++2m", times="karras")),
    "endpoint": (Sampler(), Sampler(times="karras")),
    "dyadic": (Sampler(), Sampler(gamma=1.0)),
}


@pytest.mark.parametrize(
    ("capability", "sampler"), [(name, s) for name, some in SAMPLERS.items() for s in some]
)
def test_a_trajectory_begins_at_the_noise_and_ends_where_the_jump_does(
    workspace, capability, sampler
):
    loaded = MAKERS[capability](workspace)
    film = Film("trajectory", steps=4, source=SOURCE, sampler=sampler)
    frames = made(loaded, film)
    found = states(loaded, SOURCE, 1.0, 0.0, 4, sampler=sampler)
    torch.testing.assert_close(frames[0].x_s, found.x_t, rtol=0, atol=0)
    torch.testing.assert_close(frames[-1].x_s, found.x_s, rtol=0, atol=0)
    assert (frames[0].nfe, frames[-1].nfe) == (0, found.nfe)
    assert (frames[0].s, frames[-1].s) == (1, 0)
    passed = [shot.s for shot in frames]
    assert passed == sorted(passed, reverse=True)
    nfe = [shot.nfe for shot in frames]
    assert nfe == sorted(nfe)


@pytest.mark.parametrize("kind", ["scrub", "trajectory", "training"])
@pytest.mark.parametrize("capability", ["flow map", "velocity", "endpoint"])
def test_every_jump_of_a_film_passes_the_times_that_were_set(workspace, kind, capability):
    """As the window does: shares of the way, wherever it begins and ends."""
    make_run(workspace, steps=(10,))
    loaded = load_model("run", workspace) if kind == "training" else MAKERS[capability](workspace)
    shares = (0.15, 0.4, 0.5)
    film = Film(kind, t=0.9, s=0.2, steps=4, source=SOURCE, shares=shares, frames=3)
    *_, last = made(loaded, film, "run")
    times = tuple(round(0.9 - 0.7 * share, 9) for share in shares)
    by_hand = states(loaded, SOURCE, 0.9, 0.2, 4, sampler=Sampler(times=times))
    torch.testing.assert_close(last.x_s, by_hand.x_s, rtol=0, atol=0)
    even = states(loaded, SOURCE, 0.9, 0.2, 4)
    assert (even.x_s != by_hand.x_s).any() or capability == "flow map"
    assert last.nfe == by_hand.nfe


@pytest.mark.parametrize("shares", [(0.2,), (0.6, 0.2), (0.0, 0.5), (0.5, 1.0), (float("nan"), 1)])
def test_shares_that_are_no_times_are_a_sentence(workspace, shares):
    with pytest.raises(UserError, match="rising between 0 and 1"):
        shots(exact_model(workspace), "exact", Film("scrub", steps=3, shares=shares))
    dyadic = Film("scrub", steps=3, shares=(0.2, 0.5))
    with pytest.raises(UserError, match="grid"):
        shots(dyadic_model(workspace), "dyadic", dyadic)


def test_pictures_and_labels_are_filmed_too(workspace):
    loaded = picture_model(workspace)
    source = Source(seed=1, count=3, label=2)
    (first, *_, last) = made(loaded, Film("trajectory", steps=2, source=source))
    assert first.x_s.shape == (3, 3, 16, 16)
    found = states(loaded, source, 1.0, 0.0, 2)
    torch.testing.assert_close(last.x_s, found.x_s, rtol=0, atol=0)


@pytest.mark.parametrize("name", ["run", "run@20"])
def test_a_training_shows_each_kept_step_at_the_held_place(workspace, name):
    make_run(workspace, steps=(10, 20, 30))
    loaded = load_model("run", workspace)
    frames = made(loaded, Film("training", t=0.9, s=0.2, source=SOURCE), name)
    assert [shot.step for shot in frames] == [10, 20, 30]
    for shot in frames:
        then = load_model(f"run@{shot.step}", workspace)
        torch.testing.assert_close(shot.x_s, states(then, SOURCE, 0.9, 0.2).x_s, rtol=0, atol=0)


def test_steps_that_are_thinned_out_meanwhile_are_left_out(workspace):
    folder = make_run(workspace, steps=(10, 20, 30))
    _, found = shots(load_model("run", workspace), "run", Film("training", source=SOURCE))
    first = next(found)
    gone = folder.checkpoint(20)
    gone.rename(gone.with_name("gone"))
    assert [first.step, *(shot.step for shot in found)] == [10, 30]


def test_a_damaged_step_is_a_sentence(workspace):
    folder = make_run(workspace, steps=(10, 20))
    (folder.checkpoint(10) / "ema-0.99.safetensors").write_bytes(b"short")
    _, found = shots(load_model("run", workspace), "run", Film("training", source=SOURCE))
    with pytest.raises(UserError, match="damaged"):
        list(found)


def test_a_teacher_is_filmed_as_what_it_was(workspace):
    """Its steps are those of a velocity, and take no gamma of 1."""
    spec = points_spec(CD(teacher=Teacher(steps=20)))
    make_run(workspace, steps=(10, 100), spec=spec)
    film = Film("training", source=SOURCE, sampler=Sampler(gamma=1.0))
    frames = made(load_model("run", workspace), film, "run")
    assert [shot.step for shot in frames] == [10, 100]


def test_only_a_run_has_a_film_of_its_training(workspace):
    with pytest.raises(UserError, match="only a run"):
        shots(exact_model(workspace), "mine.safetensors", Film("training"))
    make_run(workspace, steps=())
    with pytest.raises(UserError, match="kept no step"):
        kept_steps("run", workspace)


@pytest.mark.parametrize(
    ("film", "words"),
    [
        (Film("trajectory", steps=201), "200 steps at most"),
        (Film("scrub", t=1.5), "t must lie between"),
        (Film("scrub", s=float("nan")), "s must lie between"),
        (Film("scrub", frames=2000), "1000 frames at most"),
    ],
)
def test_what_is_no_film_is_one_sentence(workspace, film, words):
    with pytest.raises(UserError, match=words):
        shots(exact_model(workspace), "exact", film)


def test_what_is_kept_of_a_picture_is_kept_in_its_film(workspace):
    loaded = picture_model(workspace, labels=False)
    source = Source("data", seed=1, count=3)
    sampler = Sampler(keep=Keep("brightness"))
    frames = made(loaded, Film("trajectory", steps=3, source=source, sampler=sampler))
    found = states(loaded, source, 1.0, 0.0, 3, sampler=sampler)
    torch.testing.assert_close(frames[-1].x_s, found.x_s, rtol=0, atol=0)
