"""Fields over the plane: those of the exact model are exact, and u leads where the jump leads."""

import numpy as np
import pytest
import torch
from explore_support import (
    dyadic_model,
    endpoint_model,
    exact_model,
    make_run,
    picture_model,
    velocity_model,
)

from engine.contract.arrays import unpack
from engine.contract.errors import UserError
from engine.contract.messages import Fields, Sampler
from engine.explore.answers import Answers
from engine.explore.fields import fields
from engine.explore.jumps import jump_states
from engine.explore.ways import Abandoned

WINDOW = (0.5, -0.25, 2.0)


def test_places_are_an_even_square_in_rows(workspace):
    found = fields(exact_model(workspace), 1.0, 0.5, WINDOW, 5).places.reshape(5, 5, 2)
    assert torch.allclose(found[0, :, 0], torch.linspace(-1.5, 2.5, 5))
    assert torch.allclose(found[:, 0, 1], torch.linspace(-2.25, 1.75, 5))
    assert torch.equal(found[0, :, 1], torch.full((5,), -2.25))


@pytest.mark.parametrize("make", [exact_model, velocity_model, dyadic_model, endpoint_model])
def test_u_leads_where_the_jump_leads(workspace, make):
    model = make(workspace)
    found = fields(model, 0.75, 0.0, WINDOW, 6)
    exact = model.dataset.exact()
    ends = exact.jump(found.places, 0.75, 0.0)
    assert torch.allclose(found.places - 0.75 * found.u, ends, atol=0.02)
    assert torch.allclose(found.exact, exact.v(found.places, 0.75), atol=1e-5)


@pytest.mark.parametrize("make", [exact_model, velocity_model])
def test_v_is_the_networks_own_and_u_becomes_v(workspace, make):
    model = make(workspace)
    found = fields(model, 0.6, 0.6, WINDOW, 6)
    assert torch.allclose(found.v, found.exact, atol=1e-4)
    assert torch.equal(found.u, found.v)
    near = fields(model, 0.6, 0.599, WINDOW, 6)
    assert torch.allclose(near.u, found.v, atol=0.05)


def test_what_a_model_does_not_know_is_empty(workspace):
    assert len(fields(endpoint_model(workspace), 0.75, 0.0, WINDOW, 4).v) == 0
    assert len(fields(dyadic_model(workspace), 0.75, 0.5, WINDOW, 4).v) == 0
    assert len(fields(endpoint_model(workspace), 0.75, 0.5, WINDOW, 4).u) == 0
    noisy = fields(exact_model(workspace), 0.75, 0.5, WINDOW, 4, Sampler(gamma=0.5))
    assert len(noisy.u) == 0
    assert len(noisy.v) == 16


def test_it_is_the_jump_of_the_command_line(workspace):
    model = velocity_model(workspace)
    found = fields(model, 0.8, 0.3, WINDOW, 4)
    steps = 16
    x_s, _ = jump_states(model, found.places, 0.8, 0.3, steps=steps)
    assert torch.allclose(found.places - 0.5 * found.u, x_s, atol=1e-3)


@pytest.mark.parametrize(
    ("window", "parts", "words"),
    [
        ((0.0, 0.0, 0.0), 5, "square of the plane"),
        ((float("nan"), 0.0, 1.0), 5, "square of the plane"),
        ((0.0, float("nan"), 1.0), 5, "square of the plane"),
        (WINDOW, 1, "2 to 64"),
        (WINDOW, 1000, "2 to 64"),
    ],
)
def test_what_cannot_be_drawn_is_said(workspace, window, parts, words):
    with pytest.raises(UserError, match=words):
        fields(exact_model(workspace), 1.0, 0.0, window, parts)
    with pytest.raises(UserError, match="makes pictures"):
        fields(picture_model(workspace), 1.0, 0.0, WINDOW, 4)


def test_it_gives_way(workspace):
    with pytest.raises(Abandoned):
        fields(velocity_model(workspace), 1.0, 0.0, WINDOW, 4, wanted=lambda: False)


def test_the_worker_sends_the_same(workspace):
    make_run(workspace, "run", steps=(10,))
    answers = Answers(lambda: True)
    answers.workspace = workspace
    answer, payload = answers.answer(Fields(3, "run", 0.8, 0.2, WINDOW, 4))
    arrays = unpack(answer.arrays, payload)
    found = fields(answers._model("run"), 0.8, 0.2, WINDOW, 4)
    assert set(arrays) == {"places", "v", "u", "exact"}
    assert np.array_equal(arrays["u"], found.u.numpy())
