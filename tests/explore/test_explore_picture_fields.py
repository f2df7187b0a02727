"""Fields as pictures: u leads where the jump leads, and is v where the jump is none."""

import numpy as np
import pytest
import torch
from explore_support import exact_model, picture_model
from torch import nn

from engine.contract.arrays import unpack
from engine.contract.errors import UserError
from engine.contract.messages import PictureFields, Sampler, Source
from engine.contract.specs import ECM, FlowMatching, Shortcut
from engine.explore.answers import Answers
from engine.explore.jumps import state_at, states
from engine.explore.picture_fields import picture_fields
from engine.explore.ways import Abandoned, way

FEW = Source(count=5)


@pytest.mark.parametrize("of", [None, FlowMatching(), Shortcut()])
@pytest.mark.parametrize("steps", [1, 3])
def test_u_leads_where_the_jump_leads(workspace, of, steps):
    model = picture_model(workspace, of=of)
    found = picture_fields(model, FEW, 0.75, 0.25, steps)
    jumped = states(model, FEW, 0.75, 0.25, steps)
    torch.testing.assert_close(jumped.x_t - 0.5 * found.u, jumped.x_s, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("of", [None, FlowMatching()])
def test_v_is_the_networks_own_and_u_is_v_where_nothing_moves(workspace, of):
    model = picture_model(workspace, of=of)
    found = picture_fields(model, FEW, 0.6, 0.6)
    x_t, time = states(model, FEW, 0.6, 0.6).x_t, torch.full((5,), 0.6)
    own = model.network(x_t, time, time, torch.arange(5) % 7)
    torch.testing.assert_close(found.v, own, atol=1e-6, rtol=1e-6)
    assert torch.equal(found.u, found.v)


def test_fields_are_guided_as_the_jump_is(workspace):
    model, guide = picture_model(workspace, of=FlowMatching()), Sampler(guidance=4.0)
    found = picture_fields(model, FEW, 0.75, 0.25, 2, guide)
    jumped = states(model, FEW, 0.75, 0.25, 2, sampler=guide)
    torch.testing.assert_close(jumped.x_t - 0.5 * found.u, jumped.x_s, atol=1e-6, rtol=1e-6)
    time, network = torch.full((5,), 0.75), way(model, 1.0, 0.0, sampler=guide).flow_map.network
    own = network(jumped.x_t, time, time, torch.arange(5) % 7)
    torch.testing.assert_close(found.v, own, atol=1e-6, rtol=1e-6)
    plain = picture_fields(model, FEW, 0.75, 0.25, 2)
    assert (found.v - plain.v).abs().max() > 1e-3
    assert (state_at(model, FEW, 0.75) - jumped.x_t).abs().max() > 1e-4


class Falls(nn.Module):
    """A straight way to nothing from wherever one stands: v and u are x / t."""

    def forward(self, x, t, s, label=None):
        return x / t[:, None, None, None]


def test_straight_paths_have_no_difference(workspace):
    model = picture_model(workspace)
    model.network = Falls()
    found = picture_fields(model, FEW, 0.8, 0.1)
    torch.testing.assert_close(found.u, found.v, atol=1e-5, rtol=1e-5)


def test_what_a_model_does_not_know_is_empty(workspace):
    endpoint = picture_fields(picture_model(workspace, of=ECM()), FEW, 0.75, 0.25)
    assert (len(endpoint.v), len(endpoint.u)) == (0, 0)
    one = picture_fields(picture_model(workspace, of=ECM()), FEW, 0.75, 0.0)
    assert (len(one.v), len(one.u)) == (0, 5)
    noisy = picture_fields(picture_model(workspace), FEW, 0.75, 0.25, 1, Sampler(gamma=0.5))
    assert (len(noisy.v), len(noisy.u)) == (5, 0)


def test_points_are_refused_and_it_gives_way(workspace):
    with pytest.raises(UserError, match="over the plane"):
        picture_fields(exact_model(workspace), FEW, 1.0, 0.0)
    for of in (None, Shortcut()):
        with pytest.raises(Abandoned):
            picture_fields(picture_model(workspace, of=of), FEW, 1.0, 0.0, wanted=lambda: False)


def test_the_worker_sends_the_same(workspace):
    answers = Answers(lambda: True)
    answers.workspace = workspace
    answer, payload = answers.answer(PictureFields(3, "emoji-16-meanflow", FEW, 0.8, 0.2))
    arrays = unpack(answer.arrays, payload)
    found = picture_fields(answers._model("emoji-16-meanflow"), FEW, 0.8, 0.2)
    assert set(arrays) == {"v", "u"}
    assert np.array_equal(arrays["u"], found.u.numpy())
    assert arrays["v"].shape == (5, 3, 16, 16)
