"""Schedules, pairs of times and distances of the consistency models."""

import math

import pytest
import torch
from torch import Tensor

from engine.contract import specs
from engine.flow.clock import sigma_of
from engine.flow.randomness import Randomness
from engine.objectives import pairs, schedules
from engine.objectives.distances import distance

GRIDS = [specs.CD(points=18), specs.CT(), specs.ICT(), specs.ICT(first=3, last=20)]


def wide(count: int) -> Tensor:
    return torch.zeros(count, 2, dtype=torch.float64)


class TestSchedules:
    @pytest.mark.parametrize(
        ("progress", "count"), [(0.0, 2), (1e-9, 3), (0.25, 76), (0.5, 107), (1.0, 151)]
    )
    def test_the_grid_of_consistency_training_grows(self, progress: float, count: int) -> None:
        """ceil(sqrt(k / K (151^2 - 2^2) + 2^2) - 1) + 1, worked out by hand."""
        assert schedules.growing(progress, 2, 150) == count

    def test_the_target_forgets_more_slowly_as_the_grid_grows(self) -> None:
        assert schedules.growing_decay(0.0, 2, 150, 0.9) == pytest.approx(0.9)
        assert schedules.growing_decay(0.5, 2, 150, 0.9) == pytest.approx(
            math.exp(2 * math.log(0.9) / 107)
        )

    def test_the_grid_of_improved_consistency_training_doubles(self) -> None:
        """Eight equal stages with the paper's 10 and 1280."""
        starts = [schedules.doubling(k / 8, 10, 1280) for k in range(8)]
        ends = [schedules.doubling((k + 0.999) / 8, 10, 1280) for k in range(8)]
        assert starts == ends == [11, 21, 41, 81, 161, 321, 641, 1281]
        assert [schedules.doubling_stage(k / 8, 10, 1280) for k in range(9)] == [*range(8), 7]

    @pytest.mark.parametrize(("first", "last"), [(10, 10), (10, 15), (3, 20), (20, 3)])
    def test_it_ends_at_the_last_number_of_gaps(self, first: int, last: int) -> None:
        found = [schedules.doubling(k / 100, first, last) for k in range(101)]
        assert found == sorted(found)
        assert found[-1] == last + 1
        assert set(found) == {min(first * 2**k, last) + 1 for k in range(4)}

    def test_stages_are_equal_shares(self) -> None:
        assert [schedules.stage(k / 6, 3) for k in range(7)] == [0, 0, 1, 1, 2, 2, 2]


class TestNeighbours:
    def test_the_grid_is_that_of_karras(self) -> None:
        sigmas = pairs.karras(specs.Grid(), 18)
        assert sigmas[0].item() == pytest.approx(0.002, abs=1e-15)
        assert sigmas[-1].item() == pytest.approx(80, rel=1e-12)
        assert sigmas[5].item() == pytest.approx(
            (0.002 ** (1 / 7) + 5 / 17 * (80 ** (1 / 7) - 0.002 ** (1 / 7))) ** 7, rel=1e-12
        )
        assert pairs.karras(specs.Grid(rho=1.0), 5).diff().std() < 1e-12

    @pytest.mark.parametrize("spec", GRIDS)
    @pytest.mark.parametrize("progress", [0.0, 0.4, 1.0])
    def test_a_pair_is_two_neighbours(self, spec: pairs.GridMethod, progress: float) -> None:
        sigmas = pairs.karras(spec.grid, pairs.points(spec, progress))
        t, s, gap, known = pairs.draw(spec, wide(3000), Randomness(0), progress)
        above = torch.searchsorted(sigmas, sigma_of(t) * (1 - 1e-9))
        assert (above > 0).all()
        torch.testing.assert_close(sigma_of(t), sigmas[above], rtol=1e-10, atol=0)
        torch.testing.assert_close(sigma_of(s), sigmas[above - 1], rtol=1e-10, atol=0)
        torch.testing.assert_close(gap, sigma_of(t) - sigma_of(s), rtol=1e-6, atol=0)
        assert torch.equal(known, above == 1)

    @pytest.mark.parametrize("spec", GRIDS)
    def test_each_comes_as_often_as_it_should(self, spec: pairs.GridMethod) -> None:
        wanted = pairs.probabilities(spec, pairs.karras(spec.grid, pairs.points(spec, 0.05)))
        t, *_ = pairs.draw(spec, wide(100_000), Randomness(0), 0.05)
        found = torch.unique(t, return_counts=True)[1] / 100_000
        torch.testing.assert_close(found.double(), wanted, rtol=0, atol=6e-3)
        assert wanted.sum().item() == pytest.approx(1)

    def test_all_pairs_are_as_likely_but_for_improved_training(self) -> None:
        sigmas = pairs.karras(specs.Grid(), 40)
        assert torch.equal(
            pairs.probabilities(specs.CD(), sigmas), torch.full((39,), 1 / 39, dtype=torch.float64)
        )

    def test_a_law_beside_the_grid_is_even(self) -> None:
        spec = specs.ICT(mean=5.0, spread=0.05)
        found = pairs.probabilities(spec, pairs.karras(specs.Grid(), 11))
        torch.testing.assert_close(found, torch.full((10,), 0.1, dtype=torch.float64))

    def test_improved_training_draws_a_log_normal_sigma(self) -> None:
        """Against a histogram of that law over the gaps of the grid."""
        sigmas = pairs.karras(specs.Grid(), 11)
        generator = torch.Generator().manual_seed(0)
        drawn = torch.exp(-1.1 + 2 * torch.randn(400_000, generator=generator)).double()
        counts, _ = torch.histogram(drawn, sigmas)
        found = pairs.probabilities(specs.ICT(), sigmas)
        torch.testing.assert_close(found, counts / counts.sum(), rtol=0, atol=3e-3)

    def test_neighbours_of_a_fine_grid_differ_in_float32(self) -> None:
        t, s, gap, _ = pairs.draw(specs.ICT(), torch.zeros(5000, 2), Randomness(0), 1.0)
        assert t.dtype == s.dtype == gap.dtype == torch.float32
        assert (s < t).all()
        assert (gap > 0).all()


class TestMapped:
    def test_the_earlier_time_is_the_papers(self) -> None:
        spec, sigma = specs.ECM(), torch.logspace(-3, 2, 50, dtype=torch.float64)
        for stage in range(8):
            t, s, gap, known = pairs.mapped(spec, sigma, stage / 8)
            paper = sigma * (1 - (1 + 8 * torch.sigmoid(-sigma)) / 2 ** (stage + 1)).clamp(min=0)
            torch.testing.assert_close(sigma_of(t), sigma)
            torch.testing.assert_close(sigma_of(s), paper)
            torch.testing.assert_close(gap, sigma - paper)
            assert torch.equal(known, paper == 0)
            assert torch.equal(known, s == 0)

    def test_it_begins_as_diffusion_and_ends_as_consistency(self) -> None:
        """The share of pairs that reach down to the data falls from stage to stage."""
        shares = [
            pairs.draw(specs.ECM(), wide(4000), Randomness(0), k / 8).known.double().mean().item()
            for k in range(8)
        ]
        assert shares == sorted(shares, reverse=True)
        assert shares[0] > 0.75
        assert shares[4] == shares[-1] == 0

    def test_sigma_is_log_normal(self) -> None:
        t, *_ = pairs.draw(specs.ECM(mean=0.3, spread=1.5), wide(100_000), Randomness(0), 0.0)
        assert t.logit().mean().item() == pytest.approx(0.3, abs=0.02)
        assert t.logit().std().item() == pytest.approx(1.5, abs=0.02)


class TestDistances:
    def test_what_they_are(self) -> None:
        difference = torch.randn(20, 3, 8, 8, dtype=torch.float64)
        length, offset = difference.flatten(1).norm(dim=1), 0.1 * math.sqrt(192)
        for kind, wanted in (
            ("squared", length**2 / 192),
            ("norm", length),
            ("pseudo-huber", (length**2 + offset**2).sqrt() - offset),
        ):
            torch.testing.assert_close(distance(kind, difference, 0.1), wanted)

    def test_the_scale_is_that_of_the_paper(self) -> None:
        """c = 0.03 on CIFAR-10: where the error is c, the distance is c (sqrt 2 - 1)."""
        difference = torch.zeros(1, 3, 32, 32, dtype=torch.float64)
        difference[0, 0, 0, 0] = 0.03
        found = distance("pseudo-huber", difference, specs.ICT().huber).item()
        assert found == pytest.approx(0.03 * (math.sqrt(2) - 1), rel=0.01)

    def test_a_small_error_is_not_lost_in_float32(self) -> None:
        small = torch.full((1, 4), 1e-6)
        narrow = distance("pseudo-huber", small, 0.05)
        torch.testing.assert_close(narrow.double(), distance("pseudo-huber", small.double(), 0.05))

    @pytest.mark.parametrize("kind", ["squared", "norm", "pseudo-huber"])
    def test_the_gradient_at_nothing_is_nothing(self, kind: str) -> None:
        difference = torch.zeros(3, 5, requires_grad=True)
        distance(kind, difference, 1e-8).sum().backward()
        assert torch.equal(difference.grad, torch.zeros(3, 5))
