"""Quality by the number of steps: exact samples lie at the floor, others above it."""

import pytest
import torch
from explore_support import endpoint_model, exact_model, picture_model, velocity_model
from torch import nn

from engine.contract.errors import UserError
from engine.contract.messages import Measure, Sampler, Source
from engine.explore.answers import Answers
from engine.explore.quality import quality
from engine.explore.ways import Abandoned

MANY = Source(count=1024)


class Still(nn.Module):
    """Never moves."""

    def forward(self, x, t, s, label=None):
        return torch.zeros_like(x)


def test_exact_samples_are_as_near_as_real_ones(workspace):
    found = quality(exact_model(workspace), MANY, 1)
    assert found.sliced < 1.5 * found.floor_sliced
    assert abs(found.kernel) < 20 * abs(found.floor_kernel) + 0.05
    assert (found.nfe, found.size, found.held_out) == (1, 1024, False)


def test_noise_is_far_away(workspace):
    model = exact_model(workspace)
    model.network = Still()
    found = quality(model, MANY, 1)
    assert found.sliced > 2 * found.floor_sliced


def test_more_steps_of_an_ode_come_nearer(workspace):
    sampler = Sampler(solver="euler")
    far, near = (quality(velocity_model(workspace), MANY, k, sampler) for k in (1, 16))
    assert near.sliced < far.sliced / 2
    assert (far.nfe, near.nfe) == (1, 16)


def test_an_endpoint_is_as_good_with_new_noise(workspace):
    found = quality(endpoint_model(workspace), MANY, 4)
    assert found.sliced < 1.5 * found.floor_sliced


def test_pictures_are_compared_with_those_that_were_held_out(workspace):
    found = quality(picture_model(workspace), Source(count=24), 1)
    assert found.held_out
    assert found.sliced > found.floor_sliced > 0
    assert not quality(picture_model(workspace), Source(count=24, label=2), 1).held_out


def test_what_was_made_stays_when_it_is_given_up(workspace):
    model, looks = exact_model(workspace), [2]

    def wanted():
        looks[0] -= 1
        return looks[0] >= 0

    source = Source(count=4096)
    with pytest.raises(Abandoned):
        quality(model, source, 1, wanted=wanted)
    asked = model.network.asked
    quality(model, source, 1)
    assert model.network.asked == asked + 2  # of the four pieces, two were there


@pytest.mark.parametrize("count", [1, 5000])
def test_odd_numbers_of_samples_are_refused(workspace, count):
    with pytest.raises(UserError, match="2 to 4096"):
        quality(exact_model(workspace), Source(count=count), 1)


def test_the_worker_measures(workspace):
    answers = Answers(lambda: True)
    answers.workspace = workspace
    answer, _ = answers.answer(Measure(3, "points-eight-gaussians", Source(count=512), 1))
    assert answer.id == 3
    assert 0 < answer.sliced < 2 * answer.floor_sliced
