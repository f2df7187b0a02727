"""The point sets are the laws that their closed forms say, and their draws reproduce."""

from pathlib import Path

import pytest
import torch

from engine.contract.catalogue import POINT_SETS, DataSet
from engine.data.errors import DataError
from engine.data.open import open_data
from engine.data.point_sets import MIXTURES
from engine.flow.randomness import Randomness

NAMES = [info.name for info in POINT_SETS]
N = 40_000


@pytest.mark.parametrize("name", MIXTURES)
def test_drawn_moments_are_those_of_the_mixture(name: str) -> None:
    means, stds, weights = (part.double() for part in MIXTURES[name]())
    outer = torch.einsum("k,ki,kj->ij", weights, means, means)
    covariance = outer + (weights @ stds**2) * torch.eye(2)
    drawn = MIXTURES[name]().draw(N, Randomness(3)).double()
    assert weights.sum().item() == pytest.approx(1, abs=1e-6)
    assert (weights @ means).abs().max() < 1e-6
    assert drawn.mean(0).abs().max() < 5 * covariance.diagonal().max().sqrt() / N**0.5
    # A product of two such coordinates has a std below 3; five standard errors of it.
    torch.testing.assert_close(drawn.T @ drawn / N, covariance, rtol=0, atol=5 * 3 / N**0.5)


@pytest.mark.parametrize("name", MIXTURES)
def test_drawn_points_are_as_likely_as_samples_of_the_oracle(name: str, tmp_path: Path) -> None:
    dataset = open_data(name, tmp_path)
    oracle = dataset.exact()
    assert oracle is not None
    theirs = oracle.log_density(oracle.sample(N, torch.Generator().manual_seed(1)), 0.0)
    ours = oracle.log_density(dataset.draw(N, Randomness(1)).data, 0.0)
    error = ((ours.var() + theirs.var()) / N).sqrt()
    assert (ours.mean() - theirs.mean()).abs() < 5 * error


@pytest.mark.parametrize("name", NAMES)
def test_each_axis_has_a_std_near_one(name: str, tmp_path: Path) -> None:
    std = open_data(name, tmp_path).draw(N, Randomness(0)).data.std(0)
    assert std.min() > 0.75
    assert std.max() < 1.5


@pytest.mark.parametrize("name", [name for name in MIXTURES if name != "eight-gaussians"])
def test_curves_have_a_component_every_two_stds(name: str) -> None:
    means, stds, _ = MIXTURES[name]()
    gaps = torch.cdist(means, means).fill_diagonal_(torch.inf).min(1).values
    assert (gaps / stds).max() < 2.1
    assert (gaps / stds).min() > 1.7


def test_checkerboard_is_uniform_on_every_second_square(tmp_path: Path) -> None:
    points = open_data("checkerboard", tmp_path).draw(N, Randomness(5)).data
    column, row = (points + 2).floor().long().unbind(1)
    counts = torch.bincount(4 * row + column, minlength=16)
    dark = (torch.arange(16) // 4 + torch.arange(16)) % 2 == 0
    assert not counts[~dark].any()
    assert (counts[dark] - N / 8).abs().max() < 5 * (N / 8) ** 0.5
    inside = points + 2 - torch.stack((column, row), 1)
    assert (inside.mean(0) - 0.5).abs().max() < 5 / (12 * N) ** 0.5


@pytest.mark.parametrize("name", NAMES)
def test_draws_continue_from_a_saved_state(name: str, tmp_path: Path) -> None:
    dataset, randomness = open_data(name, tmp_path), Randomness(7)
    dataset.draw(9, randomness)
    state = randomness.state()
    first = dataset.draw(64, randomness).data
    second = dataset.draw(64, randomness).data
    other = Randomness(0)
    other.load(state)
    assert torch.equal(dataset.draw(64, other).data, first)
    assert torch.equal(dataset.draw(64, other).data, second)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("info", POINT_SETS, ids=NAMES)
def test_the_catalogue_says_whose_flow_is_exact(info: DataSet, tmp_path: Path) -> None:
    dataset = open_data(info.name, tmp_path)
    batch = dataset.draw(5, Randomness(0))
    assert (dataset.exact() is not None) == info.exact
    assert batch.data.shape == (5, *info.shape)
    assert batch.data.dtype == torch.float32
    assert batch.label is None
    assert dataset.held_out(5) is None
    with pytest.raises(DataError, match="drawn afresh"):
        dataset.all()
