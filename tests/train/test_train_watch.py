"""What is told before a training breaks down, and what is not."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.train.watch import EVERY, FAR, KNOWN, LEAST, QUIET, Watch


def told(values: list[dict[str, float]]) -> list[int]:
    watch = Watch()
    return [step for step, value in enumerate(values, 1) if watch.take(step, value)]


@given(st.lists(st.floats(0.4, 1.0), min_size=50, max_size=50), st.floats(-6, 6))
def test_numbers_that_scatter_by_less_than_the_bound_are_never_told(noise, scale) -> None:
    values = [{"error": 10**scale * n, "gradient_norm": n} for n in noise * 20]
    assert told(values) == []


@pytest.mark.parametrize("name", FAR)
def test_what_grows_far_and_stays_is_told_once(name) -> None:
    usual, wild = {name: 1.0}, {name: 3 * FAR[name]}
    (step,) = told([usual] * 500 + [wild] * 500)
    assert 500 < step <= 500 + 2 * EVERY


def test_a_spike_is_not_told_and_neither_are_the_first_steps() -> None:
    assert told(([{"error": 1.0}] * 40 + [{"error": 1e9}] * 5) * 20) == []
    assert told([{"error": 1e6}] * 20 + [{"error": 1.0}] * 500) == []
    assert told([{"error": 1.0}] * (LEAST - 1) + [{"error": 1e6}] * EVERY) == []


def test_a_fall_is_never_told_nor_are_numbers_that_are_none() -> None:
    assert told([{"error": 10.0 ** (-step / 100)} for step in range(2000)]) == []
    assert told([{"error": math.nan, "gradient_norm": math.inf}] * 1000) == []
    assert told([{"loss": 1.0}, {"loss": -1e9}] * 500) == []  # a learned weight makes it so


def test_a_new_stage_is_another_task_and_no_trouble() -> None:
    """Progressive distillation's error is a hundred times as large when its steps are halved."""
    stages = [{"error": 100.0**stage, "stage": float(stage)} for stage in range(4)]
    assert told([value for stage in stages for value in [stage] * 500]) == []
    judged = {"error": 1e4, "logit_real": 0.0}  # a discriminator that has set in
    assert told([{"error": 1.0}] * 500 + [judged] * 500) == []
    assert told([judged] * 500 + [judged | {"error": 1e6}] * 500) != []


def test_the_same_trouble_is_told_rarely() -> None:
    values = [{"error": 10.0 ** (step / 100)} for step in range(20_000)]
    steps = told([v for v in values if math.isfinite(v["error"])])
    assert steps
    gaps = [b - a for a, b in pairwise(steps)]
    assert all(gap >= QUIET * 2**k for k, gap in enumerate(gaps))


def test_it_knows_since_when_and_that_it_is_over() -> None:
    watch = Watch()
    for step in range(1, 601):
        watch.take(step, {"gradient_norm": 100.0 if step > 500 else 1.0})
    assert watch.since is not None
    assert 500 - EVERY <= watch.since <= 500 + EVERY
    for step in range(601, 601 + KNOWN + 2 * EVERY):
        watch.take(step, {"gradient_norm": 1.0})
    assert watch.since is None
