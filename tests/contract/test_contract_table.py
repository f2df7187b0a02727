"""A table gives back its rows, however it grew and whatever columns came late."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.contract import table
from engine.contract.table import Table


def rows(first, count, names):
    values = np.random.default_rng(first).normal(size=(count, len(names)))
    values[:, 0] = np.arange(first, first + count)
    return values


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 400), st.booleans(), st.booleans()), max_size=20),
    st.sampled_from([np.float32, np.float64]),
    st.booleans(),
)
def test_what_was_put_in_is_there(parts, kind, large):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(table, "_FIRST", 8)
        patched.setattr(table, "_LARGE", 1 if large else 1 << 30)
        kept, wanted = Table(kind), {"step": np.empty(0), "a": np.empty(0), "late": np.empty(0)}
        kept.widen(("step", "a"))
        for count, late, cut in parts:
            names = ("step", "late", "a") if late else ("step", "a")
            values = rows(len(kept), count, names)
            kept.widen(names)
            kept.append(names, values)
            for name in wanted:
                there = values[:, names.index(name)] if name in names else np.full(count, np.nan)
                wanted[name] = np.append(wanted[name], there)
            if cut:
                half = len(kept) // 2
                kept.cut(half)
                wanted = {name: column[:half] for name, column in wanted.items()}
    for name in kept.names:
        fitting = wanted[name] if name == "step" else wanted[name].astype(kind)
        np.testing.assert_array_equal(kept.column(name), fitting)
        assert not kept.column(name).flags.writeable


def test_what_no_float32_holds_is_the_largest_and_what_is_not_finite_is_not_there():
    kept = Table(np.float32)
    kept.widen(("step", "loss"))
    kept.append(("step", "loss"), np.array([[1, 1e300], [2, -1e300], [3, np.inf], [4, np.nan]]))
    most = np.finfo(np.float32).max
    np.testing.assert_array_equal(kept.column("loss"), [most, -most, np.nan, np.nan])


def test_growing_copies_one_column_at_a_time():
    names = ("step", *"abcdefgh")
    kept, moved = Table(), []
    kept.widen(names)
    for first in range(0, 20_000, 20):
        before = {name: kept._columns[name] for name in names}
        kept.append(names, rows(first, 20, names))
        moved.append(sum(kept._columns[name] is not before[name] for name in names))
    assert max(moved) == 1
    assert sum(moved) == 2 * len(names)  # 1,024 rows, 8,192, 65,536
