"""A curve is drawn by as many points as there are pixels, and shows all that it has."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from studio.view.train.smooth import SlidingMean, reach
from studio.view.train.strand import TAKEN, Strand

QUICK = settings(max_examples=60, deadline=None)


def run_of(values, every=1):
    """As much of a run as a strand looks at."""
    values = np.asarray(values, np.float32)
    steps = every * np.arange(1, len(values) + 1, dtype=np.float64)
    return SimpleNamespace(steps=steps, rewinds=0, curve=lambda name: values)


def strand_of(values, strength=0.0, every=1, shift=0):
    strand = Strand(run_of(values, every), "loss", shift)
    strand.strength = strength
    while not strand.follow():
        pass
    return strand


def noisy(count, seed=0):
    values = np.exp(np.random.default_rng(seed).normal(size=count))
    values[np.random.default_rng(seed + 1).random(count) < 0.01] = np.nan
    return values


@QUICK
@given(some.integers(1, 20_000), some.integers(2, 900), some.floats(0, 1), some.floats(0, 1),
       some.sampled_from([0.0, 0.02, 0.2, 1.0]), some.booleans())  # fmt: skip
def test_there_are_at_most_two_points_for_a_pixel(count, pixels, left, share, strength, log):
    strand = strand_of(noisy(count), strength)
    begin = left * count
    for line in (strand.raw, strand.mean):
        steps, values = line(begin, begin + share * count, pixels, log)
        assert len(steps) == len(values) <= 2 * pixels + 6
        assert (np.diff(steps) >= 0).all()


@QUICK
@given(some.integers(1, 20_000), some.integers(2, 900), some.integers(0, 2**31))
def test_no_peak_is_lost(count, pixels, seed):
    values = noisy(count, seed).astype(np.float32)
    _, drawn = strand_of(values).raw(0, count + 1, pixels, False)
    np.testing.assert_equal(np.nanmax(drawn) if np.isfinite(drawn).any() else np.nan,
                            np.nanmax(values) if np.isfinite(values).any() else np.nan)  # fmt: skip
    if np.isfinite(values).any():
        assert np.nanmin(drawn) == np.nanmin(values)


def test_where_every_row_has_its_pixel_the_line_is_the_rows():
    values = noisy(300).astype(np.float32)
    values[:3] = values[-2:] = np.nan  # before and after its values there is nothing to show
    steps, drawn = strand_of(values, every=10).raw(0, 3001, 900, False)
    np.testing.assert_array_equal(steps, 10 * np.arange(4, 299))
    np.testing.assert_array_equal(drawn, values[3:-2])


def test_a_window_shows_what_is_in_it_and_one_row_beyond():
    steps, _ = strand_of(noisy(1000), every=10).raw(2001, 2099, 900, False)
    assert (steps[0], steps[-1]) == (2000, 2100)


@pytest.mark.parametrize("pixels", [50, 900])
def test_a_hole_stays_a_hole(pixels):
    values = noisy(10_000)
    values[4000:6000] = np.nan
    for strength in (0.0, 0.05):
        strand = strand_of(values, strength)
        for line in (strand.raw, strand.mean):
            steps, drawn = line(0, 10_001, pixels, False)
            assert np.isnan(drawn[(steps > 4250) & (steps < 5750)]).all()
            assert np.isfinite(drawn[(steps > 500) & (steps < 3700)]).any()


def test_a_logarithmic_axis_gets_what_has_a_logarithm():
    values = noisy(10_000)
    values[::2] *= -1
    values[2000:4000] = -1.0
    strand = strand_of(values, 0.3)
    for line in (strand.raw, strand.mean):
        steps, drawn = line(0, 10_001, 200, True)
        assert (drawn[np.isfinite(drawn)] > 0).all()
    steps, drawn = strand.raw(0, 10_001, 200, True)
    assert np.isnan(drawn[(steps > 2100) & (steps < 3900)]).all()
    assert np.nanmin(drawn) == values[values > 0].astype(np.float32).min()


@QUICK
@given(some.integers(30, 60_000), some.floats(0.05, 1), some.integers(10, 900))
def test_the_smoothed_line_lies_on_the_mean_of_all_rows(count, strength, pixels):
    values = noisy(count).astype(np.float32)
    mean = SlidingMean()
    mean.take(values)
    whole = mean.at(np.arange(count), reach(strength, count))
    _, drawn = strand_of(values, strength).mean(0, count + 1, pixels, False)
    seen = np.isfinite(drawn)
    assert np.isin(drawn[seen], np.append(whole, values)).all()
    assert drawn[seen].min() >= np.nanmin(whole) - 1e-6
    assert np.nanmax(drawn) == pytest.approx(np.nanmax(whole), rel=0.35)


def test_a_parent_is_moved_so_that_its_child_began_at_0():
    strand = strand_of(noisy(100), every=10, shift=500)
    steps, _ = strand.raw(-1000, 1000, 900, False)
    assert (steps[0], steps[-1]) == (-490, 500)
    assert strand.span()[1] <= 500
    assert strand.at(strand.nearest(3.0))[0] == 0.0


def test_rows_that_were_taken_back_are_drawn_no_more():
    run = run_of(noisy(5000))
    strand = Strand(run, "loss")
    strand.follow()
    run.steps, run.rewinds = run.steps[:100], 1
    short = np.full(100, 7.0, np.float32)
    run.curve = lambda name: short
    strand.follow()
    _, drawn = strand.raw(0, 5001, 300, False)
    np.testing.assert_array_equal(drawn, short)


def test_a_long_run_is_taken_up_in_turns():
    strand = Strand(run_of(np.ones(2 * TAKEN + 10)), "loss")
    assert [strand.follow() for _ in range(4)] == [False, False, True, True]
    assert len(strand.values) == 2 * TAKEN + 10


@pytest.mark.parametrize("values", [[], [np.nan], [np.nan] * 5000])
def test_nothing_is_drawn_of_nothing(values):
    strand = strand_of(values, 0.5)
    assert strand.empty
    assert strand.span() == (0.0, 0.0)


def test_a_window_beside_the_run_is_empty_or_at_its_edge():
    strand = strand_of(noisy(1000), 0.5)
    for window in ((5000, 6000), (-900, -500)):
        for line in (strand.raw, strand.mean):
            assert len(line(*window, 300, False)[0]) <= 3
