"""Paths: an exact model scores nothing against the exact map, and every path begins at x_t."""

import pytest
import torch
from explore_support import exact_model, make_run, picture_model, points_spec, velocity_model

from engine.contract.errors import UserError
from engine.contract.messages import Source
from engine.explore.jumps import state_at, states
from engine.explore.models import load_model
from engine.explore.traces import EXACT, traces
from engine.explore.ways import Abandoned

SOURCE = Source(count=100)


@pytest.mark.parametrize("build", [exact_model, velocity_model])
@pytest.mark.parametrize(("t", "s"), [(1.0, 0.0), (0.8, 0.3), (0.1, 0.9)])
def test_an_exact_model_has_no_error(workspace, build, t, s):
    model = build(workspace)
    found = traces(model, SOURCE, t, s, 6, 10)
    assert found.learned.shape == found.exact.shape == (6, 10, 2)
    assert found.exact_x_s.shape == (100, 2)
    assert (found.times[0], found.times[-1], len(found.times)) == (t, s, 6)
    x_t = state_at(model, SOURCE, t)
    assert torch.equal(found.learned[0], x_t[:10])
    assert torch.equal(found.exact[0], x_t[:10])
    assert torch.equal(found.exact_x_s[:10], found.exact[-1])
    assert float((found.learned - found.exact).abs().max()) < 0.05
    truth = model.network.oracle.jump(x_t, t, s)
    assert float((found.exact_x_s - truth).square().mean().sqrt()) < 1e-3


def test_standing_still_costs_nothing(workspace):
    found = traces(exact_model(workspace), SOURCE, 0.4, 0.4, 3, 5)
    assert torch.equal(found.learned[0], found.learned[-1])
    assert torch.equal(found.exact[0], found.exact[-1])


def test_the_end_of_a_learned_path_is_the_jump(workspace):
    folder = make_run(workspace)
    model = load_model(folder.name, workspace)
    found = traces(model, SOURCE, 0.9, 0.2, 4, 100)
    end = states(model, SOURCE, 0.9, 0.2).x_s
    assert float((found.learned[-1] - end).abs().max()) < 1e-5
    assert float((found.learned[-1] - found.exact[-1]).abs().max()) > 0.1


def test_where_the_exact_map_is_not_known_there_is_only_the_learned_one(workspace):
    folder = make_run(workspace, spec=points_spec(data="checkerboard"))
    found = traces(load_model(folder.name, workspace), SOURCE, 1.0, 0.0)
    assert found.exact is None
    assert found.exact_x_s is None
    assert found.learned.shape == (24, 48, 2)


def test_it_is_given_up_as_soon_as_it_is_not_wanted(workspace):
    looks = []

    def wanted():
        looks.append(1)
        return len(looks) < 3

    with pytest.raises(Abandoned):
        traces(exact_model(workspace), SOURCE, 1.0, 0.0, wanted=wanted)
    assert len(looks) == 3
    looks[:] = []
    traces(exact_model(workspace), SOURCE, 0.9, 0.0, wanted=lambda: looks.append(1) or True)
    assert len(looks) >= 4 * round(0.9 * EXACT)


def test_from_noise_one_integration_serves_every_trace(workspace):
    model, looks = exact_model(workspace), []
    first = traces(model, SOURCE, 1.0, 0.0, wanted=lambda: looks.append(1) or True)
    asked = len(looks)
    again = traces(model, SOURCE, 1.0, 0.3, wanted=lambda: looks.append(1) or True)
    assert len(looks) - asked < asked / 10  # the learned ones alone
    oracle, x_t = model.dataset.exact(), state_at(model, SOURCE, 1.0)
    for found, s in ((first, 0.0), (again, 0.3)):
        assert torch.allclose(found.exact_x_s, oracle.jump(x_t, 1.0, s), atol=1e-3)
        assert torch.equal(found.exact[-1], found.exact_x_s[:48])


@pytest.mark.parametrize(
    ("t", "points", "paths", "words"),
    [
        (2.0, 24, 48, "t must lie"),
        (1.0, 1, 48, "2 to 512 points, not 1"),
        (1.0, 10**9, 48, "2 to 512"),
        (1.0, 24, 0, "between 1 and 4096, not 0"),
    ],
)
def test_impossible_paths_are_refused(workspace, t, points, paths, words):
    with pytest.raises(UserError, match=words.replace("(", r"\(")):
        traces(exact_model(workspace), SOURCE, t, 0.0, points, paths)


def test_pictures_have_no_paths(workspace):
    with pytest.raises(UserError, match="only points have paths"):
        traces(picture_model(workspace), Source(), 1.0, 0.0)
