"""What the curve is made of: sliding mean, ticks, cut previews."""

import itertools

import numpy as np
import pytest
from fake_world import png_grid
from hypothesis import given
from hypothesis import strategies as some

from studio.view.train.axis import APART, log_ticks
from studio.view.train.preview_decode import pictures
from studio.view.train.smooth import SlidingMean, reach

strengths = some.floats(0, 1)


def smooth(values, strength, pieces=1):
    """The smoothed curve, of a column that came in pieces."""
    mean = SlidingMean()
    for end in np.linspace(0, len(values), pieces + 1).astype(int)[1:]:
        mean.take(values[:end])
    return mean.at(np.arange(len(values)), reach(strength, len(values)))


@given(strengths, some.integers(1, 300), some.integers(0, 2**31), some.integers(1, 9))
def test_it_is_the_mean_of_what_is_there_within_reach(strength, count, seed, pieces):
    draw = np.random.default_rng(seed)
    values = draw.normal(size=count).astype(np.float32)
    values[draw.random(count) < 0.3] = np.nan
    found, half = smooth(values, strength, pieces), reach(strength, count)
    for at in range(count):
        part = values[max(0, at - min(half, at)) : at + min(half, at) + 1].astype(np.float64)
        part = part[np.isfinite(part)]
        assert (
            found[at] == pytest.approx(part.mean(), abs=1e-6)
            if len(part)
            else (np.isnan(found[at]))
        )


@given(strengths, some.integers(1, 500), some.floats(-5, 5))
def test_a_constant_stays(strength, count, level):
    np.testing.assert_allclose(smooth(np.full(count, level), strength), level, atol=1e-9)


@given(strengths, some.integers(0, 2**31))
def test_the_mean_stays_within_the_values_and_its_length(strength, seed):
    values = np.random.default_rng(seed).normal(size=300)
    found = smooth(values, strength)
    assert len(found) == 300
    assert found.min() >= values.min() - 1e-9
    assert found.max() <= values.max() + 1e-9


def test_no_smoothing_is_the_curve_itself():
    values = np.random.default_rng(0).normal(size=100)
    np.testing.assert_allclose(smooth(values, 0.0), values, atol=1e-12)


def test_the_first_and_the_last_value_are_known():
    mean = SlidingMean()
    mean.take(np.array([np.nan, np.nan]))
    assert mean.known() == (0, 0)
    mean.take(np.array([np.nan, np.nan, 1.0, np.nan, 2.0, np.nan]))
    assert mean.known() == (2, 5)


def test_a_straight_line_is_not_bent_before_its_end():
    line = np.linspace(3.0, 1.0, 1000)
    np.testing.assert_allclose(smooth(line, 1.0)[:950], line[:950], atol=1e-9)


def test_noise_is_damped():
    noise = np.random.default_rng(1).normal(size=5000)
    assert smooth(noise, 1.0)[500:4500].std() < 0.1 * noise.std()


def test_what_is_missing_neither_counts_nor_spreads():
    values = np.ones(1000)
    values[400:410] = np.nan
    found = smooth(values, 1.0)
    np.testing.assert_allclose(found, 1.0)
    assert np.isnan(smooth(np.full(1000, np.nan), 1.0)).all()


@given(some.floats(-12, 12), some.floats(0.02, 12), some.integers(60, 900))
def test_ticks_of_a_logarithmic_axis_are_in_range_and_apart(low, span, size):
    high = low + span
    ticks = log_ticks(low, high, size)
    assert all(low <= tick <= high for tick in ticks)
    assert all((b - a) * size / span >= APART * (1 - 1e-9) for a, b in itertools.pairwise(ticks))


def test_a_decade_has_its_round_numbers():
    assert [round(10**t, 9) for t in log_ticks(-1.1, 0.1, 200)] == [0.1, 0.2, 0.5, 1.0]
    assert [round(10**t) for t in log_ticks(0, 8, 100)] == [1, 10**3, 10**6]


def test_a_grid_is_cut_into_its_pictures():
    drawn = np.random.default_rng(3).integers(0, 256, (16, 16, 16, 3), np.uint8)
    np.testing.assert_array_equal(pictures(png_grid(3)), drawn)


@pytest.mark.parametrize("data", [b"", b"not a picture", png_grid(0)[:40]])
def test_what_is_no_picture_is_refused(data):
    with pytest.raises(ValueError, match="picture"):
        pictures(data)
