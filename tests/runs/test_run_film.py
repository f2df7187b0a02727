"""The film of a training: few frames, evenly spread, that outlive their checkpoints."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load

from engine.contract.specs import MLP, Data, MeanFlow, RunSpec
from engine.runs.checkpoint import newest, prune, seal
from engine.runs.film import Film, cut, superfluous
from engine.runs.folder import RunFolder


@pytest.fixture
def run(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.create(RunSpec(Data("spiral"), MeanFlow(), MLP()))
    return folder


def sealed(run, step, film, keep=2):
    seal(run, step, {"ema-0.99": {"w": torch.full((3,), float(step))}}, {"step": step})
    prune(run, keep, film.keep)


def test_a_frame_outlives_its_checkpoint(run):
    film = Film(run, "ema-0.99.safetensors", 24)
    for step in (100, 200, 300, 400):
        sealed(run, step, film)
    assert run.checkpoints() == [300, 400]
    assert run.frames() == [100, 200]
    assert load(run.frame(100).read_bytes())["w"].tolist() == [100.0] * 3
    assert newest(run).step == 400


def test_frames_are_thinned_and_the_first_stays(run):
    film = Film(run, "ema-0.99.safetensors", 5)
    for step in range(100, 3001, 100):
        sealed(run, step, film)
    frames = run.frames()
    assert len(frames) == 5
    assert frames[0] == 100
    assert frames[-1] == 2800


def test_none_are_kept_where_none_are_wanted(run):
    film = Film(run, "ema-0.99.safetensors", 0)
    for step in (100, 200, 300):
        sealed(run, step, film)
    assert run.frames() == []


def test_a_missing_average_costs_nothing_else(run):
    film = Film(run, "ema-0.5.safetensors", 24)
    for step in (100, 200, 300):
        sealed(run, step, film)
    assert run.checkpoints() == [200, 300]
    assert run.frames() == []


def test_frames_of_a_future_that_was_taken_back_go(run):
    film = Film(run, "ema-0.99.safetensors", 24)
    for step in (100, 200, 300, 400, 500):
        sealed(run, step, film)
    cut(run, 200)
    assert run.frames() == [100, 200]


@given(
    st.lists(st.integers(0, 10**6), min_size=1, max_size=40, unique=True).map(sorted),
    st.integers(1, 30),
)
def test_what_is_left_has_its_ends_and_no_more_than_wanted(steps, most):
    left = [step for step in steps if step not in superfluous(steps, most)]
    assert len(left) <= max(2, most)
    assert (left[0], left[-1]) == (steps[0], steps[-1])


def test_an_even_growth_stays_even():
    """Of the powers of two and one step more, the extra one goes."""
    steps = [*(2**k for k in range(10)), 300]
    assert superfluous(sorted(steps), 10) in ([300], [256])
