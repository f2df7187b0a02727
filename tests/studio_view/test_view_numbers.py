"""Numbers as a person types, reads and steps them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as some

from studio.view import words
from studio.view.widgets.number_box import _even_step, _one_two_five, plain, written

finite = some.floats(-1e12, 1e12, allow_subnormal=False)


@given(finite)
def test_what_is_written_reads_back(value):
    assert float(plain(written(value))) == pytest.approx(value, rel=1e-11, abs=0)


@given(some.integers(-(10**12), 10**12))
def test_whole_numbers_are_grouped_and_read_back_exactly(value):
    text = written(value, whole=True)
    assert int(plain(text)) == value
    assert all(len(part.lstrip("-")) <= 3 for part in text.split(","))


@pytest.mark.parametrize(
    ("text", "value"),
    [("2e-3", 2e-3), (" 50 000 ", 50_000), ("1,000,000", 1e6), ("1_000", 1000), ("0.25", 0.25)],
)
def test_gaps_between_thousands_do_not_count(text, value):
    assert float(plain(text)) == value


@pytest.mark.parametrize("text", ["0.99, 0.995", "1 2", "1,2,2", "12 34"])
def test_other_gaps_stay(text):
    assert plain(text) == text


@given(some.floats(1e-8, 1e8))
def test_steps_of_1_2_5_go_up_and_down_and_land_on_round_numbers(value):
    up, down = _one_two_five(value, 1), _one_two_five(value, -1)
    assert down < value < up
    for found in (up, down):
        digits = found / 10 ** math.floor(math.log10(found) + 1e-9)
        assert min(abs(digits - d) for d in (1, 2, 5)) < 1e-6
    assert up / down <= 10 * (1 + 1e-9)


@given(some.floats(1e-6, 1e6))
def test_even_steps_cross_the_range_in_twenty_to_fifty(ranged):
    assert 20 - 1e-6 <= ranged / _even_step(ranged) <= 50 + 1e-6


@given(some.floats(0, 1e7))
def test_a_duration_is_never_empty_and_estimating_only_when_unknown(seconds):
    assert words.duration(seconds) not in ("", "estimating")
    assert words.duration(-1.0) == "estimating"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(8, "8 s"), (250, "4 min 10 s"), (2460, "41 min"), (7500, "2 h 5 min")],
)
def test_durations_in_words(seconds, text):
    assert words.duration(seconds) == text


@given(some.floats(1, 1e11))
def test_a_count_keeps_three_figures(value):
    number, _, unit = words.count(value).replace(",", "").partition(" ")
    scale = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}[unit]
    assert float(number) * scale == pytest.approx(value, rel=6e-3)


def test_an_amount_that_is_not_there_is_a_dash():
    assert words.amount(math.nan) == "–"
    assert words.amount(0.07384) == "0.07384"
