"""Maps of models whose flow map is known, and of ones that are wrong by a known amount."""

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
from msgspec import structs
from torch import nn

from engine.contract.arrays import unpack
from engine.contract.errors import UserError
from engine.contract.maps import MAPS, map_cells, map_info, map_problem
from engine.contract.messages import Map, Source
from engine.explore.answers import Answers
from engine.explore.maps import measured
from engine.explore.truth import truth
from engine.explore.ways import Abandoned

CELLS = ((1.0, 0.0), (0.9, 0.35), (0.5, 0.4), (0.2, 0.0))
GAPS = torch.tensor([t - s for t, s in CELLS])
FEW = Source(count=64)


class Shifted(Exact):
    """Off from the exact average velocity by a constant."""

    def forward(self, x, t, s, label=None):
        return super().forward(x, t, s, label) + 0.5


class Still(nn.Module):
    """Never moves."""

    def forward(self, x, t, s, label=None):
        return torch.zeros_like(x)


def with_network(model, network):
    model.network = network
    return model


def shifted(workspace):
    model = exact_model(workspace)
    return with_network(model, Shifted(model.network.oracle))


def test_the_exact_map_has_neither_error_nor_defect(workspace):
    for kind in ("error", "defect"):
        assert measured(exact_model(workspace), kind, FEW, CELLS).values.max() < 2e-5


def test_the_exact_velocity_integrated_has_hardly_an_error(workspace):
    assert measured(velocity_model(workspace), "error", FEW, CELLS).values.max() < 0.02


def test_an_error_is_the_gap_times_the_shift(workspace):
    found = measured(shifted(workspace), "error", FEW, CELLS)
    torch.testing.assert_close(found.values, 0.5 * GAPS, rtol=1e-3, atol=2e-5)
    assert not found.memorises


def test_staying_scores_what_nothing_says(workspace):
    model = with_network(exact_model(workspace), Still())
    found = measured(model, "error", FEW, CELLS)
    torch.testing.assert_close(found.values, found.nothing)
    assert measured(model, "defect", FEW, CELLS).values.max() == 0


def test_the_distance_of_two_models_is_known(workspace):
    found = measured(exact_model(workspace), "distance", FEW, CELLS, other=renamed(workspace))
    torch.testing.assert_close(found.values, 0.5 * GAPS, rtol=1e-3, atol=2e-5)


def renamed(workspace):
    model = shifted(workspace)
    model.info = type(model.info)("shifted", *list(model_fields(model.info))[1:])
    return model


def model_fields(info):
    return (getattr(info, name) for name in info.__struct_fields__)


def test_the_residual_of_a_model_that_never_moves_is_the_velocity(workspace):
    model = with_network(exact_model(workspace), Still())
    true = truth(model, FEW)
    expected = torch.stack([true.oracle.v(true.at(t), t).square().mean().sqrt() for t, _ in CELLS])
    torch.testing.assert_close(measured(model, "residual", FEW, CELLS).values, expected)


def test_single_samples_have_more_residual_than_the_flow(workspace):
    model = with_network(exact_model(workspace), Still())
    whole = measured(model, "residual", Source(count=2048), CELLS).values
    single = measured(model, "residual-data", Source(count=2048), CELLS).values
    assert (single > whole).all()


def test_pictures_are_measured_against_their_own_flow(workspace):
    model, source = picture_model(workspace), Source(count=4)
    found = measured(model, "error", source, ((1.0, 0.0), (0.6, 0.3)))
    assert found.memorises
    assert (found.values > 0).all()
    assert (found.nothing > 0).all()
    ends, images = truth(model, source).at(0.0), model.dataset.all()
    apart = torch.cdist(ends.flatten(1), images.flatten(1)).min(1)
    assert apart.values.max() < 0.2
    # Each in a picture of its own class.
    assert model.dataset.labels()[apart.indices].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("kind", ["defect", "residual", "residual-data"])
def test_pictures_have_the_other_maps(workspace, kind):
    found = measured(picture_model(workspace), kind, Source(count=4), CELLS).values
    assert found.shape == (4,)
    assert (found > 0).all()


def test_an_end_is_measured_where_it_is_known(workspace):
    model = endpoint_model(workspace)
    cells = map_cells(model.info, 8)
    assert {s for _, s in cells} == {0.0}
    assert measured(model, "error", FEW, cells).values.max() < 2e-5


def test_a_dyadic_model_is_asked_on_its_grid(workspace):
    model = dyadic_model(workspace)
    for parts in (8, 12, 24, 1000):
        cells = map_cells(model.info, parts)
        assert all((time * 128).is_integer() for pair in cells for time in pair)
    assert len(map_cells(model.info, 24)) == 17 * 18 / 2
    assert measured(model, "defect", FEW, map_cells(model.info, 4), 0.3).values.max() < 1e-4
    found = measured(model, "error", FEW, map_cells(model.info, 4))
    assert found.values.max() < 1e-4


def test_cells_lie_in_the_triangle(workspace):
    cells = map_cells(exact_model(workspace).info, 24)
    assert len(cells) == 24 * 25 / 2
    assert all(0 < s <= t < 1 for t, s in cells)


@pytest.mark.parametrize(
    ("kind", "make", "words"),
    [
        ("defect", endpoint_model, "cut in two"),
        ("residual", velocity_model, "average velocity"),
        ("residual-data", dyadic_model, "average velocity"),
        ("distance", exact_model, "Add another model"),
    ],
)
def test_what_cannot_be_measured_is_said(workspace, kind, make, words):
    model = make(workspace)
    assert words in map_problem(kind, model.info)
    with pytest.raises(UserError, match=words):
        measured(model, kind, FEW, CELLS)


def test_models_of_other_labels_cannot_be_compared(workspace):
    model = picture_model(workspace).info
    other = structs.replace(
        model, name="other", data=structs.replace(model.data, labels=("a", "b"))
    )
    assert "other labels" in map_problem("distance", model, other)


def test_a_long_way_is_given_up_in_its_middle(workspace):
    looks = [8]

    def wanted():
        looks[0] -= 1
        return looks[0] > 0

    model = velocity_model(workspace)
    with pytest.raises(Abandoned):
        measured(model, "defect", FEW, ((1.0, 0.0),), wanted=wanted)
    assert looks[0] == 0


def test_other_shapes_cannot_be_compared(workspace):
    points, pictures = exact_model(workspace).info, picture_model(workspace).info
    assert "another shape" in map_problem("distance", points, pictures)
    assert map_problem("distance", points, points)


@pytest.mark.parametrize(
    ("cells", "middle", "words"),
    [
        ((), 0.5, "1 to 4096 places"),
        (((1.0, 0.0),) * 5000, 0.5, "1 to 4096 places"),
        (((1.5, 0.0),), 0.5, "between 0"),
        (((float("nan"), 0.0),), 0.5, "between 0"),
        (((1.0, 0.0),), 0.0, "The middle must"),
    ],
)
def test_odd_questions_are_refused(workspace, cells, middle, words):
    with pytest.raises(UserError, match=words):
        measured(exact_model(workspace), "defect", FEW, cells, middle)


def test_what_is_no_longer_wanted_is_given_up_and_goes_on_later(workspace):
    model, left = exact_model(workspace), [30]

    def wanted():
        left[0] -= 1
        return left[0] > 0

    with pytest.raises(Abandoned):
        measured(model, "error", FEW, CELLS, wanted=wanted)
    done = truth(model, FEW).flow.done
    assert done == 29
    assert measured(model, "error", FEW, CELLS).values.max() < 2e-5


def test_every_map_says_what_it_means():
    for info in MAPS:
        assert map_info(info.kind) is info
        assert info.meaning.endswith(".")
        assert "ero" in info.zero


def test_the_worker_answers_maps(workspace):
    answers = Answers(lambda: True)
    answers.workspace = workspace
    asked = Map(7, "points-eight-gaussians", "error", FEW, CELLS)
    answer, payload = answers.answer(asked)
    arrays = unpack(answer.arrays, payload)
    assert answer.id == 7
    assert arrays["values"].shape == arrays["nothing"].shape == (4,)
    assert (arrays["values"] < 0.5 * arrays["nothing"])[GAPS.numpy() > 0.3].all()
