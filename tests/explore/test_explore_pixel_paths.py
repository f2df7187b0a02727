"""Paths of pixels: they go where the slider leads, and end in the jump's picture bit for bit."""

import numpy as np
import pytest
import torch
from explore_support import exact_model, picture_model
from msgspec import structs
from torch import nn

from engine.contract.arrays import unpack
from engine.contract.errors import UserError
from engine.contract.messages import Jump, Pixels, Sampler, Source
from engine.contract.source import Moved
from engine.contract.specs import ECM, FlowMatching, Shortcut
from engine.explore.answers import Answers
from engine.explore.follow import follow
from engine.explore.jumps import jump_states, state_at, states
from engine.explore.pixel_paths import pixel_paths
from engine.explore.ways import Abandoned

FEW = Source(count=5)
PIXELS = ((0, 3, 4), (4, 15, 0), (0, 0, 15))


def cut(states_, pixels=PIXELS):
    return torch.stack([states_[n, :, down, across] for n, down, across in pixels])


@pytest.fixture
def model(workspace):
    return picture_model(workspace)


@pytest.mark.parametrize("of", [None, FlowMatching(), Shortcut()])
@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("fast", [False, True])
def test_a_path_begins_at_x_t_and_ends_with_the_jump(workspace, of, steps, fast):
    model = picture_model(workspace, of=of)
    found = pixel_paths(model, FEW, 1.0, 0.25, PIXELS, 9, steps, fast=fast)
    jumped = states(model, FEW, 1.0, 0.25, steps, fast)
    assert torch.equal(found.learned[0], cut(jumped.x_t))
    assert torch.equal(found.learned[-1], cut(jumped.x_s))
    assert (found.times[0], found.times[-1]) == (1.0, 0.25)
    assert list(found.times) == sorted(set(found.times), reverse=True)
    assert found.learned.shape == (len(found.times), 3, 3)
    assert found.exact is None


def test_a_path_is_guided_as_the_jump_is(workspace):
    model, guide = picture_model(workspace, of=FlowMatching()), Sampler(guidance=4.0)
    found = pixel_paths(model, FEW, 0.8, 0.25, PIXELS, 9, 3, guide)
    jumped = states(model, FEW, 0.8, 0.25, 3, sampler=guide)
    assert torch.equal(found.learned[0], cut(jumped.x_t))
    assert torch.equal(found.learned[-1], cut(jumped.x_s))
    assert (found.learned[0] - cut(state_at(model, FEW, 0.8))).abs().max() > 1e-4


def test_on_the_way_it_is_where_a_jump_to_there_would_end(model):
    found = pixel_paths(model, FEW, 0.8, 0.2, PIXELS, 7)
    assert len(found.times) == 7
    for time, state in zip(found.times, found.learned, strict=True):
        jumped = states(model, FEW, 0.8, time).x_s
        torch.testing.assert_close(state, cut(jumped), atol=1e-5, rtol=1e-5)


def test_in_steps_it_passes_where_each_step_ends(model):
    sampler = Sampler(times=(0.7, 0.3))
    found = pixel_paths(model, FEW, 0.9, 0.1, PIXELS, 12, 3, sampler)
    assert {0.7, 0.3} < set(found.times)
    x = state_at(model, FEW, 0.9)
    for t, s in ((0.9, 0.7), (0.7, 0.3), (0.3, 0.1)):
        x, _ = jump_states(model, x, t, s)
        state = found.learned[found.times.index(s)]
        torch.testing.assert_close(state, cut(x), atol=1e-5, rtol=1e-5)
    # Half way between two of these times it has left the last one by a jump of its own.
    k = found.times.index(0.7) + 1
    assert 0.3 < found.times[k] < 0.7


class Falls(nn.Module):
    """Average velocity of x_t = t x_1: a straight line to nothing, from wherever one stands."""

    def forward(self, x, t, s, label=None):
        return x / t[:, None, None, None]


def test_straight_paths_are_straight_lines(model):
    model.network = Falls()
    for steps in (1, 4):
        found = pixel_paths(model, FEW, 1.0, 0.0, PIXELS, 9, steps)
        line = torch.tensor(found.times)[:, None, None] * found.learned[0]
        torch.testing.assert_close(found.learned, line, atol=1e-6, rtol=1e-5)


def test_the_picture_that_is_shown_is_where_the_worker_says_the_path_ends(workspace):
    answers = Answers(lambda: True)
    answers.workspace = workspace
    name, source = "emoji-16-meanflow", Source(count=4, seed=3)
    answer, payload = answers.answer(Pixels(1, name, source, 1.0, 0.1, ((3, 8, 8),), 5, 2))
    end = unpack(answer.arrays, payload)["learned"][-1, 0]
    jumped, payload = answers.answer(Jump(2, name, source, 1.0, 0.1, 2))
    picture = unpack(jumped.arrays, payload)["x_s"]
    pixel = np.round((np.clip(end, -1, 1) + 1) * np.float32(127.5)).astype(np.uint8)
    assert np.array_equal(picture[3, 8, 8], pixel)


@pytest.mark.parametrize(
    "source", [FEW, Source("data", count=5), Source(count=5, moved=(Moved(0, 1, 0),))]
)
@pytest.mark.parametrize("labels", [True, False])
def test_the_true_path_ends_where_the_truth_does(workspace, source, labels):
    model = picture_model(workspace, labels)
    few = model.dataset.all()[:14]
    model.dataset.__dict__["all"] = lambda: few
    model.dataset.__dict__["labels"] = lambda: torch.arange(14) % 7
    t = 1.0 if source == FEW else 0.6
    found = pixel_paths(model, source, t, 0.0, PIXELS, 6, true=True)
    truth = follow(model, source, t, 0.0)
    assert found.exact.shape == found.learned.shape
    torch.testing.assert_close(found.exact[0], cut(truth.x_t), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found.exact[-1], cut(truth.x_s), atol=2e-3, rtol=1e-3)


def test_a_way_with_new_noise_is_no_path_and_says_so(workspace, model):
    endpoint = picture_model(workspace, of=ECM())
    assert "not the way" in pixel_paths(endpoint, FEW, 1.0, 0.0, PIXELS).why
    noisy = pixel_paths(model, FEW, 1.0, 0.0, PIXELS, sampler=Sampler(gamma=0.5))
    assert noisy.why == "Noise is added on the way: no path to draw."
    assert noisy.learned.shape[1:] == (0, 3)
    velocity = picture_model(workspace, of=FlowMatching())
    leaning = Sampler(solver="dpm++2m")
    assert "lean on" in pixel_paths(velocity, FEW, 1.0, 0.0, PIXELS, 4, 2, leaning).why
    assert not pixel_paths(velocity, FEW, 1.0, 0.0, PIXELS, 4, 1, leaning).why


def test_standing_still_is_one_place(model):
    found = pixel_paths(model, FEW, 0.5, 0.5, PIXELS)
    assert found.times == (0.5, 0.5)
    assert torch.equal(found.learned[0], found.learned[1])


@pytest.mark.parametrize(
    ("pixels", "points", "words"),
    [
        ((), 9, "between 1 and 64, not 0"),
        (((5, 0, 0),), 9, "Picture 6 has no pixel in row 0, column 0"),
        (((0, 16, 0),), 9, "no pixel in row 16"),
        (((0, 0, -1),), 9, "column -1"),
        (PIXELS, 1, "2 to 512 points, not 1"),
    ],
)
def test_what_is_no_pixel_is_said(model, pixels, points, words):
    with pytest.raises(UserError, match=words):
        pixel_paths(model, FEW, 1.0, 0.0, pixels, points)


def test_points_have_no_pixels(workspace):
    with pytest.raises(UserError, match="only pictures have pixels"):
        pixel_paths(exact_model(workspace), FEW, 1.0, 0.0, PIXELS)


def test_it_gives_way_before_each_evaluation(model):
    looks = []

    def wanted():
        looks.append(1)
        return len(looks) < 4

    with pytest.raises(Abandoned):
        pixel_paths(model, FEW, 1.0, 0.0, PIXELS, 5, 8, wanted=wanted)
    assert len(looks) == 4
    assert structs.replace(FEW, seed=0) == FEW
