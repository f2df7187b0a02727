"""A journal gives back every whole record, whatever happened to its tail or its middle."""

import zlib

import numpy as np
import pytest
from contract_support import QUICK, values_of
from hypothesis import given
from hypothesis import strategies as st

from engine.contract import journal
from engine.contract.journal import (
    Columns,
    Ended,
    Event,
    Gap,
    Noticed,
    Reader,
    Rows,
    Sampled,
    Sealed,
    Started,
    encode_event,
    encode_rows,
)

VALUES = np.array([[1.0, 0.5], [2.0, np.nan], [3.0, np.inf]])
RECORDS = [
    encode_event(Started(0, 1.5, "cpu", 1, "0.1.0", 10)),
    encode_event(Columns(("step", "error"))),
    encode_rows(VALUES),
    encode_event(Sampled(2, "000002.png")),
    encode_rows(VALUES + 3),
    encode_event(Ended(6, 2.5, "finished", "", 1.0)),
]
STREAM = b"".join(RECORDS)
ENDS = np.cumsum([len(record) for record in RECORDS])


def read(data, step=None):
    reader = Reader()
    pieces = [data] if step is None else [data[a : a + step] for a in range(0, len(data), step)]
    return [record for piece in pieces for record in reader.feed(piece)], reader.offset


def plain(record):
    """A record as something that compares, NaN with NaN."""
    if isinstance(record, Rows):
        return record.names, record.values.tobytes()
    return record


WHOLE = [plain(record) for record in read(STREAM)[0]]


def test_every_event_round_trips():
    @QUICK
    @given(values_of(Event))
    def check(event):
        assert read(encode_event(event)) == ([event], len(encode_event(event)))

    check()


@QUICK
@given(st.integers(1, 5), st.integers(0, 6), st.integers(0, 2**32))
def test_rows_round_trip_bit_for_bit(columns, rows, seed):
    values = np.random.default_rng(seed).integers(0, 2**63, (rows, columns)).view(np.float64)
    names = tuple(f"metric {k}" for k in range(columns))
    found, _ = read(encode_event(Columns(names)) + encode_rows(values))
    assert found[1].names == names
    assert found[1].values.tobytes() == values.tobytes()


@pytest.mark.parametrize("step", [1, 7, 64])
def test_pieces_change_nothing(step):
    found, offset = read(STREAM, step)
    assert list(map(plain, found)) == WHOLE
    assert offset == len(STREAM)


def test_a_torn_tail_waits_for_its_rest():
    for cut in range(len(STREAM) + 1):
        reader = Reader()
        first = [plain(record) for record in reader.feed(STREAM[:cut])]
        assert first == WHOLE[: len(first)]
        assert reader.offset == max([0, *(end for end in ENDS if end <= cut)])
        rest = [plain(record) for record in reader.feed(STREAM[cut:])]
        assert first + rest == WHOLE


def test_a_writer_goes_on_where_the_tail_was_cut():
    note = encode_event(Noticed(7, "on again"))
    for cut in range(len(STREAM) + 1):
        _, offset = read(STREAM[:cut])
        found, _ = read(STREAM[:offset] + note)
        assert not [record for record in found if isinstance(record, Gap)]
        assert found[-1] == Noticed(7, "on again")


@pytest.mark.parametrize("change", [0x01, 0x80, 0xFF])
def test_damage_costs_its_own_record_and_is_reported(change):
    note = Noticed(7, "after")
    for at in range(len(STREAM)):
        damaged = bytearray(STREAM + encode_event(note))
        damaged[at] ^= change
        found, offset = read(bytes(damaged))
        hit = int(np.searchsorted(ENDS, at, side="right"))
        start, end = ENDS[hit] - len(RECORDS[hit]), ENDS[hit]
        if at == start + 3:  # the byte that means nothing
            assert list(map(plain, found)) == [*WHOLE, note]
            continue
        assert [r for r in found if isinstance(r, Gap)] == [Gap(start, end)]
        rest = [plain(r) for r in found if not isinstance(r, Gap)]
        expected = [*WHOLE[:hit], *WHOLE[hit + 1 :], note]
        if hit == 1:  # without its columns no row can be read
            expected = [record for record in expected if not isinstance(record, tuple)]
        assert rest == expected
        assert offset == len(damaged)


def test_noise_between_records_is_one_gap():
    found, _ = read(RECORDS[0] + b"FJ noise FJE\0\xff\xff\xff\xff" + RECORDS[5])
    assert [type(record) for record in found] == [Started, Gap, Ended]


@QUICK
@given(st.binary(max_size=300))
def test_noise_alone_is_nothing(noise):
    found, offset = read(noise, 13)
    assert found == []
    assert offset == 0


@pytest.mark.parametrize(
    "body", [b'{"type":"later","step":1}', b"\xff", b"{", b"[" * 100_000], ids=lambda b: str(b[:9])
)
def test_an_event_that_is_not_understood_is_a_gap(body):
    head = journal._HEAD.pack(b"FJ", ord("E"), len(body), zlib.crc32(body, ord("E")))
    found, _ = read(RECORDS[0] + head + body + encode_event(Sealed(3)))
    gap = Gap(len(RECORDS[0]), len(RECORDS[0]) + len(head) + len(body))
    assert found[1:] == [gap, Sealed(3)]


def test_an_oversized_record_is_not_written():
    with pytest.raises(ValueError, match="over the cap"):
        encode_event(Noticed(0, "x" * journal.BODY_CAP))
