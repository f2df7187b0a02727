"""The numbers of one held place: none of them on the exact map of a Gaussian."""

import pytest
import torch
from explore_support import exact_model
from torch import nn

from engine.contract.arrays import unpack
from engine.contract.messages import Map, Source
from engine.explore.answers import Answers
from engine.explore.maps import measured
from engine.flow.oracles.gaussian import Gaussian
from engine.flow.oracles.mixture import Mixture

STD = 0.5
HELD = ((1.0, 0.0), (0.83, 0.21), (0.4, 0.4), (0.35, 0.9))


class Closed(nn.Module):
    """The exact average velocity of N(0, STD^2) in closed form, in double precision."""

    def __init__(self, shift=0.0):
        super().__init__()
        self.oracle = Gaussian(torch.zeros(2), STD**2 * torch.eye(2))
        self.shift = shift

    def forward(self, x, t, s, label=None):
        x, t, s = x.double(), t.double(), s.double()
        gap = (s - t)[:, None]
        there = self.oracle.jump(x, t, s) - x
        u = torch.where(gap == 0, self.oracle.v(x, t), there / torch.where(gap == 0, 1.0, gap))
        return (u + self.shift).float()


class OneGaussian:
    """A data set whose flow is that of the closed form."""

    def exact(self):
        return Mixture(torch.zeros(1, 2), torch.tensor([STD]), torch.ones(1))

    def __getattr__(self, name):
        raise AssertionError(f"{name} is not needed")


def gaussian(workspace, shift=0.0):
    model = exact_model(workspace)
    model.network = Closed(shift)
    model.__dict__["dataset"] = OneGaussian()
    return model


@pytest.mark.parametrize("place", HELD)
@pytest.mark.parametrize("kind", ["defect", "residual"])
def test_the_exact_map_of_a_gaussian_has_neither_defect_nor_residual(workspace, place, kind):
    found = measured(gaussian(workspace), kind, Source(count=256), (place,))
    assert float(found.values[0]) < 1e-6


@pytest.mark.parametrize("place", HELD[:3])
def test_its_error_is_that_of_the_integration_it_is_held_against(workspace, place):
    found = measured(gaussian(workspace), "error", Source(count=256), (place,))
    assert float(found.values[0]) < 1e-6


def test_a_wrong_map_has_the_numbers_that_are_known(workspace):
    t, s = HELD[1]
    for kind, known in (("error", 0.3 * (t - s)), ("residual", 0.3)):
        found = measured(gaussian(workspace, 0.3), kind, Source(count=64), (HELD[1],))
        assert float(found.values[0]) == pytest.approx(known, rel=1e-3)


def test_the_worker_answers_one_place(workspace):
    answers = Answers(lambda: True)
    answers.workspace = workspace
    source = Source(count=256)
    asked = Map(3, "points-eight-gaussians", "defect", source, (HELD[1],), 0.5)
    values = unpack(*_read(answers.answer(asked)))["values"]
    model = answers._model("points-eight-gaussians")
    assert values.tolist() == measured(model, "defect", source, (HELD[1],)).values.tolist()


def _read(answered):
    answer, payload = answered
    return answer.arrays, payload
