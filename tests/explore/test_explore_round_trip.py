"""Up to noise and back: the exact flow ends where it began, and what it passed is noise."""

import math

import pytest
import torch
from explore_support import exact_model, make_run, picture_model, velocity_model

from engine.contract.messages import Jump, Source
from engine.contract.source import Sample
from engine.explore.answers import Answers
from engine.explore.jumps import states
from engine.explore.round_trip import normality, round_trip

CARRIED = Source("data", 1, 256, way="carried")


def trip(model, source, t, s, steps=1):
    found = states(model, source, t, s, steps)
    return round_trip(model, source, found.x_t, t, found.x_s, s)


@pytest.mark.parametrize("make", [exact_model, velocity_model])
def test_the_exact_flow_comes_back_and_its_noise_is_normal(workspace, make):
    found = trip(make(workspace), CARRIED, 1.0, 0.0, 16)
    assert found.error < 0.02
    assert found.deviation == pytest.approx(1, abs=0.12)
    assert found.kurtosis == pytest.approx(3, abs=0.8)
    assert found.distance < 2.5 / math.sqrt(512)


def test_part_of_the_way_has_an_error_and_no_noise(workspace):
    found = trip(exact_model(workspace), CARRIED, 0.4, 0.0)
    assert found.error < 0.02
    assert (found.deviation, found.kurtosis, found.distance) == (-1, -1, -1)
    start = states(exact_model(workspace), CARRIED, 0.0, 0.0)
    assert torch.equal(start.x_t, start.x_s)


@pytest.mark.parametrize(
    ("source", "s"),
    [(Source(count=8), 0.0), (Source("data", count=8), 0.0), (CARRIED, 0.2)],
)
def test_what_does_not_return_is_no_round_trip(workspace, source, s):
    assert trip(exact_model(workspace), source, 1.0, s) is None


def test_a_wrong_map_has_the_error_that_it_makes(workspace):
    model = exact_model(workspace)
    found = states(model, CARRIED, 1.0, 0.0)
    shifted = round_trip(model, CARRIED, found.x_t, 1.0, found.x_s + 0.5, 0.0)
    assert shifted.error == pytest.approx(0.5, abs=0.05)


def test_normality_is_what_is_known_of_laws():
    drawn = torch.Generator().manual_seed(0)
    noise = torch.randn(20_000, generator=drawn)
    deviation, kurtosis, distance = normality(noise)
    assert deviation == pytest.approx(1, abs=0.02)
    assert kurtosis == pytest.approx(3, abs=0.1)
    assert distance < 2 / math.sqrt(len(noise))
    even = torch.rand(20_000, generator=drawn) * 2 * math.sqrt(3) - math.sqrt(3)
    deviation, kurtosis, distance = normality(even)
    assert deviation == pytest.approx(1, abs=0.02)
    assert kurtosis == pytest.approx(1.8, abs=0.05)  # of a uniform law
    assert distance == pytest.approx(0.0573, abs=0.012)  # of Unif(-r3, r3) to N(0, 1)
    assert normality(2 * noise)[0] == pytest.approx(2, abs=0.04)


def test_the_worker_says_it(workspace):
    make_run(workspace, "run", steps=(10,))
    answers = Answers(lambda: True)
    answers.workspace = workspace
    source = Source("data", 1, 16, way="carried")
    answer, _ = answers.answer(Jump(1, "run", source, 1.0, 0.0))
    found = states(answers._model("run"), source, 1.0, 0.0)
    model = answers._model("run")
    assert answer.round_trip == round_trip(model, source, found.x_t, 1.0, found.x_s, 0.0)
    assert answers.answer(Jump(1, "run", Source(count=4), 1.0, 0.0))[0].round_trip is None


def test_one_picture_alone_makes_a_trip(workspace):
    model = picture_model(workspace, labels=False)
    source = Source("sample", count=1, sample=Sample(2, way="carried"))
    assert trip(model, source, 1.0, 0.0).error > 0
