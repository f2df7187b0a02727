"""A journal gives back every whole record, whatever happened to its tail or its middle."""

import itertools
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
        if isinstance(event, Columns):
            others = [name for name in dict.fromkeys(event.names) if name != "step"]
            event = Columns(("step", *others))
        assert read(encode_event(event)) == ([event], len(encode_event(event)))

    check()


@QUICK
@given(st.integers(1, 5), st.integers(0, 6), st.integers(0, 2**32))
def test_rows_round_trip_bit_for_bit(columns, rows, seed):
    values = np.random.default_rng(seed).integers(0, 2**63, (rows, columns)).view(np.float64)
    names = ("step", *(f"metric {k}" for k in range(1, columns)))
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


def rows_of(records):
    """All rows in order, and the gaps between them by the number of rows before each."""
    values, gaps = [], []
    for record in records:
        if isinstance(record, Rows):
            values += record.values[:, 0].tolist()
        elif isinstance(record, Gap):
            gaps.append((len(values), record.end - record.start))
    return values, gaps


@QUICK
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(1, 30)), min_size=1, max_size=12),
    st.lists(st.integers(0, 10**6), max_size=4),
    st.sampled_from([None, 17, 300, 4096]),
    st.sampled_from([1, 100, journal.SLAB]),
)
def test_records_that_are_read_together_say_what_each_says_alone(sizes, hits, piece, slab):
    """Runs of records of one size, damaged at some bytes: only the damaged records are missing."""
    counts = [count for count, times in sizes for _ in range(times)]
    ends = np.cumsum([0, *counts])
    columns = encode_event(Columns(("step", "error")))
    records = [
        encode_rows(np.stack([np.arange(a, b), np.full(b - a, 0.5)], 1).astype(np.float64))
        for a, b in itertools.pairwise(ends.tolist())
    ]
    stream = bytearray(columns + b"".join(records) + encode_event(Sealed(1)))
    starts = len(columns) + np.cumsum([0, *map(len, records)])
    hurt = set()
    for hit in hits:
        at = int(starts[0]) + hit % int(starts[-1] - starts[0])
        stream[at] ^= 0x40
        hurt.add(int(np.searchsorted(starts, at, side="right")) - 1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(journal, "SLAB", slab)
        found, offset = read(bytes(stream), piece)
    values, _ = rows_of(found)
    kept = [k for k in range(len(counts)) if k not in hurt]
    allowed = [k for k in hurt if values.count(float(ends[k])) and counts[k]]  # byte 3, or undone
    wanted = [v for k in sorted({*kept, *allowed}) for v in range(ends[k], ends[k + 1])]
    assert values == wanted
    assert found[-1] == Sealed(1)
    assert offset == len(stream)
    if not hits:
        assert not [record for record in found if isinstance(record, Gap)]


def test_among_records_of_one_size_damage_costs_its_own_alone():
    """At any of its bytes but the one that means nothing."""
    columns = encode_event(Columns(("step", "error")))
    records = [encode_rows(np.array([[k, 0.5]])) for k in range(20)]
    for at in range(len(records[7])):
        hurt = bytearray(records[7])
        hurt[at] ^= 0x40
        found, _ = read(columns + b"".join([*records[:7], bytes(hurt), *records[8:]]))
        kept = [k for k in range(20) if k != 7 or at == 3]
        assert rows_of(found) == (kept, [] if at == 3 else [(7, len(hurt))])


def test_a_slab_is_no_larger_than_it_may_be(monkeypatch):
    monkeypatch.setattr(journal, "SLAB", 1000)
    record = encode_rows(np.arange(20, dtype=np.float64).reshape(10, 2))
    found, _ = read(encode_event(Columns(("step", "error"))) + 50 * record)
    slabs = [record for record in found if isinstance(record, Rows)]
    assert sum(len(slab.values) for slab in slabs) == 500
    assert max(slab.values.nbytes for slab in slabs) < 2000


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
