"""Chord and curvature at one place: closed forms of a Gaussian, of a circle and of a line."""

import math
import threading

import numpy as np
import pytest
import torch
from explore_support import (
    Exact,
    dyadic_model,
    endpoint_model,
    exact_model,
    picture_model,
    velocity_model,
)
from torch import nn

from engine.contract.arrays import unpack
from engine.contract.errors import UserError
from engine.contract.messages import Chord, Sampler, Source
from engine.explore import derivatives
from engine.explore.answers import Answers
from engine.explore.chord import chord
from engine.explore.maps import measured
from engine.explore.ways import Abandoned
from engine.flow.oracles.gaussian import Gaussian

PLACE, STD = (0.6, -0.8), 0.5


def width(t):
    """Standard deviation of x_t: every path of the Gaussian is a multiple of it."""
    return math.hypot((1 - t) * STD, t)


def with_network(model, network):
    model.network = network
    return model


@pytest.fixture
def gaussian(workspace):
    """The exact map of N(0, STD^2)."""
    oracle = Gaussian(torch.zeros(2), STD**2 * torch.eye(2))
    return with_network(exact_model(workspace), Exact(oracle))


@pytest.mark.parametrize(("t", "s"), [(1.0, 0.0), (0.7, 0.2), (0.3, 0.8)])
def test_of_a_gaussian_chord_velocity_and_curvature_are_closed_forms(gaussian, t, s):
    found = chord(gaussian, PLACE, t, s, 9)
    place = torch.tensor(PLACE)
    torch.testing.assert_close(found.path[0], place)
    ends = torch.stack([width(time) / width(t) * place for time in torch.linspace(t, s, 9)])
    torch.testing.assert_close(found.path, ends, atol=1e-6, rtol=1e-6)
    # x'' = STD^2 / width^4 x, and x' = (t - (1 - t) STD^2) / width^2 x.
    v = (t - (1 - t) * STD**2) / width(t) ** 2 * place
    torch.testing.assert_close(found.v, v, atol=1e-6, rtol=1e-5)
    assert found.curvature == pytest.approx(STD**2 / width(t) ** 4, rel=1e-4)


class Line(nn.Module):
    """All paths are straight and end in one place: v = (x - end) / t."""

    def forward(self, x, t, s, label=None):
        return (x - torch.tensor([1.0, 2.0])) / t[:, None]


class Circle(nn.Module):
    """Velocity of a turn about the middle, once around in a time of one."""

    def forward(self, x, t, s, label=None):
        return 2 * math.pi * torch.stack((-x[:, 1], x[:, 0]), 1)


@pytest.mark.parametrize("t", [0.2, 0.7, 1.0])
def test_a_straight_path_has_no_curvature_and_one_step_is_exact(workspace, t):
    found = chord(with_network(exact_model(workspace), Line()), PLACE, t, 0.0)
    assert found.curvature < 1e-4
    step = torch.tensor(PLACE) - t * found.v
    torch.testing.assert_close(found.path[-1], step, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(step, torch.tensor([1.0, 2.0]), atol=1e-6, rtol=1e-6)


def test_a_circle_has_the_curvature_of_a_circle(workspace):
    found = chord(with_network(velocity_model(workspace), Circle()), PLACE, 0.5, 0.25)
    assert found.curvature == pytest.approx(4 * math.pi**2, rel=1e-5)  # its radius is one
    back = torch.tensor([-0.8, -0.6])  # a quarter of a turn against its way
    torch.testing.assert_close(found.path[-1], back, atol=0.05, rtol=0.05)


@pytest.mark.parametrize("make", [exact_model, velocity_model])
def test_the_exact_models_curvature_is_the_true_one(workspace, make):
    found = chord(make(workspace), PLACE, 0.8, 0.1)
    assert found.curvature == pytest.approx(found.exact, rel=1e-4)
    assert found.exact > 0.1


def test_a_velocitys_path_is_followed_by_the_solver_that_is_chosen(workspace):
    paths = [
        chord(velocity_model(workspace), PLACE, 0.8, 0.1, 5, Sampler(solver=solver)).path
        for solver in ("heun", "rk4", "euler")
    ]
    apart = [float((path - paths[1]).abs().max()) for path in paths]
    assert apart[0] < 0.1 * apart[2]


def test_what_a_model_does_not_know_is_empty(workspace):
    endpoint = chord(endpoint_model(workspace), PLACE, 0.75, 0.25)
    assert (len(endpoint.path), len(endpoint.v), endpoint.curvature) == (0, 0, None)
    assert "not the way" in endpoint.why
    dyadic = chord(dyadic_model(workspace), PLACE, 0.75, 0.25)
    assert (len(dyadic.v), dyadic.curvature, dyadic.why) == (0, None, "")
    assert len(dyadic.path) > 2
    noisy = chord(exact_model(workspace), PLACE, 0.75, 0.25, sampler=Sampler(gamma=0.5))
    assert len(noisy.path) == 0
    assert noisy.curvature is not None


@pytest.mark.parametrize(
    ("place", "points", "words"),
    [
        ((float("nan"), 0.0), 9, "made of numbers"),
        ((0.0, 2e6), 9, "up to 1e"),
        (PLACE, 1, "2 to 512 points"),
    ],
)
def test_what_is_no_place_is_said(workspace, place, points, words):
    with pytest.raises(UserError, match=words):
        chord(exact_model(workspace), place, 1.0, 0.0, points)


def test_pictures_have_no_plane_and_it_gives_way(workspace):
    with pytest.raises(UserError, match="starts in a plane"):
        chord(picture_model(workspace), PLACE, 1.0, 0.0)
    with pytest.raises(Abandoned):
        chord(velocity_model(workspace), PLACE, 1.0, 0.0, wanted=lambda: False)


def test_while_derivatives_are_loaded_it_gives_way_and_they_load_on(workspace, monkeypatch):
    loaded, looks = threading.Event(), []
    thread = threading.Thread(target=loaded.wait, daemon=True)
    thread.start()
    monkeypatch.setattr(derivatives, "_loading", lambda: thread)

    def wanted():
        looks.append(1)
        return len(looks) < 3

    for answer in (
        lambda: chord(exact_model(workspace), PLACE, 1.0, 0.0, wanted=wanted),
        lambda: measured(
            exact_model(workspace), "residual", Source(), ((1.0, 0.0),), wanted=lambda: False
        ),
    ):
        with pytest.raises(Abandoned):
            answer()
    assert thread.is_alive()
    loaded.set()
    derivatives.derivatives_ready(lambda: not thread.is_alive() or loaded.is_set())
    assert not thread.is_alive()


def test_the_worker_sends_the_same(workspace):
    answers = Answers(lambda: True)
    answers.workspace = workspace
    answer, payload = answers.answer(Chord(3, "points-eight-gaussians", PLACE, 0.8, 0.2, 5))
    arrays = unpack(answer.arrays, payload)
    found = chord(answers._model("points-eight-gaussians"), PLACE, 0.8, 0.2, 5)
    assert np.array_equal(arrays["path"], found.path.numpy())
    assert np.array_equal(arrays["v"], found.v.numpy())
    assert (answer.curvature, answer.exact) == (found.curvature, found.exact)
