"""Times on the way: EDM's grid on the common clock, and where papers stop."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contract.errors import UserError
from engine.flow.grids import HIGH, LOW, MIDDLES, karras, middle


def sigma(time: float) -> float:
    return time / (1 - time)


def test_from_noise_to_data_it_is_edms_grid() -> None:
    """sigma_i of equation 5 for i = 0 .. N - 1, then 0; the first stands for pure noise."""
    steps = 18
    times = karras(1.0, 0.0, steps)
    assert (times[0], times[-1], len(times)) == (1.0, 0.0, steps + 1)
    for i in range(1, steps):
        share = i / (steps - 1)
        right = (HIGH ** (1 / 7) + share * (LOW ** (1 / 7) - HIGH ** (1 / 7))) ** 7
        assert sigma(times[i]) == pytest.approx(right, rel=1e-9)


@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 40))
def test_times_run_from_end_to_end_in_order(t: float, s: float, steps: int) -> None:
    times = karras(t, s, steps)
    assert (times[0], times[-1], len(times)) == (t, s, steps + 1)
    assert times == sorted(times, reverse=t >= s)
    assert karras(s, t, steps) == times[::-1]


def test_within_the_grid_the_root_of_sigma_falls_evenly() -> None:
    roots = [sigma(time) ** (1 / 7) for time in karras(0.9, 0.1, 5)]
    gaps = [one - other for one, other in pairwise(roots)]
    assert gaps == pytest.approx([gaps[0]] * 5)


def test_where_papers_stop() -> None:
    assert sigma(middle("ecm")) == pytest.approx(0.821)
    assert sigma(middle("sct")) == sigma(middle("scd")) == pytest.approx(0.5 * math.tan(1.1))
    assert sigma(middle("cmt")) == pytest.approx(0.7757)
    share = 22 / 39
    level = (80 ** (1 / 7) + share * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7
    assert sigma(middle("cd")) == pytest.approx(level)
    assert all(0.3 < time < 0.7 for time in MIDDLES.values())
    with pytest.raises(UserError, match="cd, ct, ecm"):
        middle("ctm")
