"""Arrays survive the payload; a description that does not fit is a FrameError and nothing else."""

import numpy as np
import pytest
from contract_support import QUICK
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from engine.contract.arrays import DTYPES, Array, pack, unpack
from engine.contract.frames import FrameError

ARRAYS = hnp.arrays(
    st.sampled_from(DTYPES), hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
)


@QUICK
@given(st.dictionaries(st.text(max_size=5), ARRAYS, max_size=4))
def test_round_trip(named):
    described, payload = pack(named)
    found = unpack(described, payload)
    assert list(found) == list(named)
    for name, array in named.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        np.testing.assert_array_equal(found[name], array)


def test_a_view_is_packed_as_it_is_seen():
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    seen = unpack(*pack({"a": array.T, "b": array[::2]}))
    np.testing.assert_array_equal(seen["a"], array.T)
    np.testing.assert_array_equal(seen["b"], array[::2])


SIZES = st.integers(-2, 5) | st.sampled_from([2**31, 2**32, 2**62, 2**63 - 1])
DESCRIBED = st.builds(
    Array,
    st.text(max_size=3),
    st.sampled_from([*DTYPES, "object", "uint16", "V8", "", "float32,"]),
    st.lists(SIZES, max_size=70).map(tuple),
)


@QUICK
@given(st.lists(DESCRIBED, max_size=3), st.binary(max_size=64))
def test_any_description_reads_or_is_a_frame_error(described, payload):
    try:
        found = unpack(described, payload)
    except FrameError:
        return
    sizes = [array.nbytes for array in unpack(described, payload).values()]
    assert sum(sizes) <= len(payload)
    assert set(found) == {array.name for array in described}


@pytest.mark.parametrize(
    "array",
    [
        Array("a", "float32", (0, 2**62, 2**62)),
        Array("a", "uint8", (1,) * 65),
        Array("a", "uint8", (2**40,)),
        Array("a", "uint8", (-1,)),
        Array("a", "object", (1,)),
    ],
    ids=str,
)
def test_impossible_shapes(array):
    with pytest.raises(FrameError):
        unpack([array], b"\x00")
