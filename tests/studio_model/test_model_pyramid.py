"""A pyramid never loses an extreme, whatever is asked of it and however it grew."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from studio.model.pyramid import FAN, Bands, Pyramid

QUICK = settings(max_examples=150, deadline=None)
SEEDS = st.integers(0, 2**31)


def column(seed: int, rows: int) -> NDArray[np.float32]:
    """Values of either sign with holes in them, single ones and long ones."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=rows).astype(np.float32)
    values[rng.random(rows) < 0.1] = np.nan
    begin = int(rng.integers(0, max(1, rows)))
    values[begin : begin + int(rng.integers(0, 300))] = np.nan
    return values


def grown(values: NDArray[np.float32], cuts: list[int]) -> Pyramid:
    """A pyramid that saw the column grow in these pieces."""
    pyramid = Pyramid()
    for end in [*sorted(c % (len(values) + 1) for c in cuts), len(values)]:
        pyramid.take(values[:end])
    return pyramid


def compared(bands: Bands) -> list[NDArray[np.floating]]:
    return [bands.starts, np.array(bands.size), bands.low, bands.high, bands.least]


@QUICK
@given(SEEDS, st.integers(1, 5000), st.data(), st.integers(2, 700))
def test_every_part_has_the_extremes_of_its_rows(
    seed: int, rows: int, data: st.DataObject, most: int
) -> None:
    values = column(seed, rows)
    first = data.draw(st.integers(0, rows - 1))
    last = data.draw(st.integers(first + 1, rows))
    bands = grown(values, []).bands(values, first, last, most)
    assert bands.starts[0] <= first
    assert bands.starts[-1] < last <= bands.starts[-1] + bands.size
    for k, start in enumerate(bands.starts):
        part = values[start : start + bands.size]
        known, above = part[np.isfinite(part)], part[part > 0]
        for found, wanted in (
            (bands.low[k], known.min() if len(known) else np.nan),
            (bands.high[k], known.max() if len(known) else np.nan),
            (bands.least[k], above.min() if len(above) else np.nan),
        ):
            np.testing.assert_equal(found, wanted)


@QUICK
@given(SEEDS, st.integers(1, 5000), st.data(), st.integers(2, 700))
def test_a_window_is_enclosed_and_no_extreme_is_invented(
    seed: int, rows: int, data: st.DataObject, most: int
) -> None:
    values = column(seed, rows)
    first = data.draw(st.integers(0, rows - 1))
    last = data.draw(st.integers(first + 1, rows))
    bands = grown(values, []).bands(values, first, last, most)
    window = values[first:last][np.isfinite(values[first:last])]
    seen = np.isfinite(bands.low)
    if len(window):
        assert bands.low[seen].min() <= window.min()
        assert window.max() <= bands.high[seen].max()
    reached = values[bands.starts[0] : bands.starts[-1] + bands.size]
    reached = reached[np.isfinite(reached)]
    assert seen.any() == bool(len(reached))
    if len(reached):
        assert bands.low[seen].min() == reached.min()
        assert bands.high[seen].max() == reached.max()


@QUICK
@given(
    SEEDS, st.integers(1, 5000), st.lists(st.integers(0, 10**6), max_size=12), st.integers(2, 99)
)
def test_grown_in_pieces_is_built_at_once(seed: int, rows: int, cuts: list[int], most: int) -> None:
    values = column(seed, rows)
    one = grown(values, cuts).bands(values, 0, rows, most)
    other = grown(values, []).bands(values, 0, rows, most)
    for found, wanted in zip(compared(one), compared(other), strict=True):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("rows", [1, FAN, FAN**2 + 1, 100_000, 1_000_003])
@pytest.mark.parametrize("most", [2, 3, 100, 1200])
def test_parts_are_as_many_as_was_asked_for_at_most(rows: int, most: int) -> None:
    values = np.arange(rows, dtype=np.float32)
    pyramid = grown(values, [])
    for share in (1.0, 0.5, 0.013):
        last = max(1, int(share * rows))
        first = max(0, last - max(1, int(share * rows / 2)))
        assert 1 <= len(pyramid.bands(values, first, last, most).starts) <= most


def test_parts_stay_where_they_are_while_the_window_moves() -> None:
    values = column(3, 200_000)
    pyramid = grown(values, [])
    places = [pyramid.bands(values, k, 50_000 + k, 500).starts for k in range(0, 5000, 37)]
    assert all(not (place % (place[1] - place[0])).any() for place in places)


def test_nothing_is_nothing() -> None:
    bands = Pyramid().bands(np.empty(0, np.float32), 0, 0, 100)
    assert len(bands.starts) == len(bands.low) == 0
