"""Laws of the sample distances: closed forms for Gaussians, symmetry, zero for one law."""

import math

import pytest
import torch

from engine.metrics.distances import kernel_distance, sliced_wasserstein


def normal(n: int, d: int, seed: int) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def test_a_shift_is_seen_at_its_closed_form():
    """W2 of a shift by m along a direction w is |m.w|; its mean square over the sphere is m²/d."""
    a = normal(2_000, 4, 0)
    shifted = a + torch.tensor([2.0, 0.0, 0.0, 0.0])
    assert sliced_wasserstein(a, shifted, 1024) == pytest.approx(2 / math.sqrt(4), rel=0.05)


def test_a_scale_is_seen_at_its_closed_form():
    """W2 of N(0, 1) and N(0, k²) is k - 1 in every direction."""
    assert sliced_wasserstein(normal(8_000, 3, 0), 1.5 * normal(8_000, 3, 1), 64) == pytest.approx(
        0.5, rel=0.06
    )


def test_equal_sets_have_no_distance_and_order_does_not_matter():
    a, b = normal(500, 5, 0), normal(400, 5, 1) + 1
    assert sliced_wasserstein(a, a) == 0
    assert sliced_wasserstein(a, b) == pytest.approx(sliced_wasserstein(b, a))
    assert kernel_distance(a, b) == pytest.approx(kernel_distance(b, a))


def test_the_kernel_distance_is_unbiased_for_one_law_and_grows_with_a_shift():
    same = [kernel_distance(normal(300, 6, 2 * k), normal(300, 6, 2 * k + 1)) for k in range(20)]
    mean = sum(same) / len(same)
    spread = math.sqrt(sum((x - mean) ** 2 for x in same) / len(same))
    assert abs(mean) < 3 * spread / math.sqrt(len(same))
    near, far = (kernel_distance(normal(300, 6, 0), normal(300, 6, 1) + m) for m in (0.3, 1.0))
    assert far > near > max(same)


def test_the_kernel_distance_of_two_points_is_the_hand_sum():
    """With one-dimensional sets {0, 1} and {1, 1}: 1 + 8 - 2 (1 + 1 + 8 + 8) / 4 = 0."""
    a, b = torch.tensor([[0.0], [1.0]]), torch.tensor([[1.0], [1.0]])
    assert kernel_distance(a, b) == pytest.approx(1 + 8 - 2 * (1 + 1 + 8 + 8) / 4)
