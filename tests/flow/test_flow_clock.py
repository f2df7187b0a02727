"""The common clock."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.flow.clock import each, sigma_of, spread, time_of


@given(st.floats(0.0, 1.0 - 1e-9))
def test_time_survives_sigma_and_back(t: float) -> None:
    there = torch.tensor(t, dtype=torch.float64)
    torch.testing.assert_close(time_of(sigma_of(there)), there, rtol=1e-7, atol=1e-15)


def test_the_ends_of_the_clock() -> None:
    ends = torch.tensor([0.0, 1.0], dtype=torch.float64)
    assert sigma_of(ends).tolist() == [0.0, float("inf")]
    assert time_of(sigma_of(ends)).tolist() == [0.0, 1.0]


def test_sigma_one_is_the_middle() -> None:
    assert sigma_of(torch.tensor(0.5)).item() == 1.0


def test_one_time_or_one_a_sample() -> None:
    x = torch.zeros(4, 3, 2, 2, dtype=torch.float64)
    times = torch.rand(4, dtype=torch.float64)
    assert each(0.25, x).tolist() == [0.25] * 4
    assert each(times, x).equal(times)
    assert spread(0.25, x).shape == (1, 1, 1, 1)
    assert spread(times, x).shape == (4, 1, 1, 1)
    assert each(times.float(), x).dtype == torch.float64
