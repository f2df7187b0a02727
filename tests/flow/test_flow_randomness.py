"""Random streams: independent, repeatable, saved and restored."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import dropout

from engine.flow.randomness import Randomness

names = st.sampled_from(["data", "noise", "time", "flip"])


@pytest.fixture(autouse=True)
def _untouched_global() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        yield


@given(st.lists(names, max_size=12), st.integers(0, 2**31 - 1))
def test_a_stream_does_not_see_the_others(order: list[str], seed: int) -> None:
    mixed, alone = Randomness(seed), Randomness(seed)
    drawn = [mixed.normal(name, (3,)) for name in order]
    for name in set(order):
        own = [x for x, n in zip(drawn, order, strict=True) if n == name]
        assert torch.stack(own).equal(torch.stack([alone.normal(name, (3,)) for _ in own]))


def test_streams_differ_by_name_and_seed() -> None:
    drawn = [
        Randomness(seed).normal(name, (1000,)) for seed in (0, 1) for name in ("data", "noise")
    ]
    correlations = torch.corrcoef(torch.stack(drawn)) - torch.eye(4)
    assert correlations.abs().max() < 0.15


def test_another_process_draws_the_same() -> None:
    code = (
        "from engine.flow.randomness import Randomness;"
        "import sys; sys.stdout.write(repr(Randomness(5).integers('data', 10**9, (4,)).tolist()))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == repr(Randomness(5).integers("data", 10**9, (4,)).tolist())


def test_laws_and_types() -> None:
    draws = Randomness(0)
    normal = draws.normal("a", (100, 100))
    uniform = draws.uniform("b", (100, 100))
    integers = draws.integers("c", 7, (100, 100))
    assert (normal.dtype, uniform.dtype, integers.dtype) == (
        torch.float32,
        torch.float32,
        torch.int64,
    )
    assert abs(normal.mean().item()) < 0.05
    assert abs(normal.std().item() - 1) < 0.05
    assert 0 <= uniform.min() < uniform.max() < 1
    assert integers.unique().tolist() == list(range(7))


def test_the_state_goes_on_where_it_stood() -> None:
    first = Randomness(1)
    first.normal("data", (5,))
    torch.rand(3)
    state = first.state()
    ahead = [first.normal("data", (5,)), first.uniform("late", (5,)), torch.rand(5)]

    other = Randomness(1)
    other.integers("unsaved", 5, (5,))
    other.uniform("late", (2,))
    other.load(state)
    again = [other.normal("data", (5,)), other.uniform("late", (5,)), torch.rand(5)]
    assert all(x.equal(y) for x, y in zip(ahead, again, strict=True))
    assert set(state) == {"data", "global"}
    assert all(x.dtype == torch.uint8 for x in state.values())


def test_a_saved_state_does_not_move_on() -> None:
    draws = Randomness(2)
    draws.normal("data", (1,))
    state = draws.state()
    kept = {name: x.clone() for name, x in state.items()}
    draws.normal("data", (100,))
    torch.rand(100)
    assert all(state[name].equal(x) for name, x in kept.items())


def test_a_state_of_another_device_is_refused_and_changes_nothing() -> None:
    draws = Randomness(2)
    draws.normal("data", (1,))
    state, expected = draws.state(), None
    foreign = state | {"data": torch.zeros(16, dtype=torch.uint8)}
    with pytest.raises(ValueError, match="another kind of device"):
        draws.load(foreign)
    expected = Randomness(2)
    expected.normal("data", (1,))
    assert draws.normal("data", (4,)).equal(expected.normal("data", (4,)))


def test_the_name_of_the_global_stream_is_taken() -> None:
    with pytest.raises(ValueError, match="choose another"):
        Randomness(0).normal("global", (1,))


def test_shared_gives_equal_dropout_masks() -> None:
    draws, x = Randomness(0), torch.ones(1000)
    with draws.shared() as again:
        first = dropout(x, 0.5)
        again()
        second = dropout(x, 0.5)
    assert first.equal(second)
    assert not first.equal(dropout(x, 0.5))


def test_shared_leaves_the_stream_after_the_first_branch() -> None:
    draws = Randomness(0)
    draws.seed_global()
    plain = [torch.rand(10), torch.rand(4)]
    draws.seed_global()
    with draws.shared() as again:
        first = torch.rand(10)
        again()
    assert first.equal(plain[0])
    assert torch.rand(4).equal(plain[1])


def test_seed_global_repeats_first_weights() -> None:
    weights = []
    for seed in (3, 3, 4):
        Randomness(seed).seed_global()
        weights.append(torch.nn.Linear(8, 8).weight)
    assert weights[0].equal(weights[1])
    assert not weights[0].equal(weights[2])


def test_the_generator_of_a_name_is_its_stream() -> None:
    drawn = torch.randn(4, generator=Randomness(9).generator("data"))
    assert drawn.equal(Randomness(9).normal("data", (4,)))
