"""What a journal says after rewinding, and the same read from a run's folder."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.contract.history import History
from engine.contract.journal import (
    Columns,
    Ended,
    Noticed,
    Sampled,
    Sealed,
    Started,
    encode_event,
    encode_rows,
)
from engine.runs.folder import RunFolder
from engine.runs.history import read_history

NAMES = ("step", "loss")


def started(step: int) -> bytes:
    return encode_event(Started(step, 0.0, "cpu", 1, "0"))


def rows(*steps: int, session: float = 0.0) -> bytes:
    return encode_rows(np.array([(s, s + session) for s in steps], float))


def history_of(*records: bytes) -> History:
    history = History()
    history.feed(b"".join(records))
    return history


def test_a_resumed_session_takes_back_all_beyond_its_checkpoint() -> None:
    history = history_of(
        encode_event(Columns(NAMES)),
        started(0),
        rows(1, 2, 3),
        encode_event(Sampled(2, "000002.npy")),
        encode_event(Sealed(2)),
        rows(4),
        encode_event(Noticed(4, "lost")),
        started(2),
        rows(3, 4, 5, session=0.5),
        encode_event(Sampled(4, "000004.npy")),
    )
    assert history.steps.tolist() == [1, 2, 3, 4, 5]
    assert history.curve("loss").tolist() == [1, 2, 3.5, 4.5, 5.5]
    assert [s.step for s in history.samples] == [2, 4]
    assert not any(isinstance(e, Noticed) for e in history.events)
    assert history.rewinds == 1
    assert history.last_step == 5


@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(0, 40)), min_size=1, max_size=6),
    st.integers(1, 200),
)
@settings(max_examples=60, deadline=None)
def test_the_past_is_what_the_last_session_over_each_step_wrote(
    sessions: list[tuple[int, int]], piece: int
) -> None:
    data, truth, last = [encode_event(Columns(NAMES))], {}, 0
    for number, (length, back) in enumerate(sessions):
        start = max(0, last - back)
        truth = {s: v for s, v in truth.items() if s <= start}
        last = start + length
        data += [started(start)]
        data += [rows(s, session=number / 8) for s in range(start + 1, last + 1)]
        truth |= {s: s + number / 8 for s in range(start + 1, last + 1)}
    whole = b"".join(data)
    history = History()
    for at in range(0, len(whole), piece):
        history.feed(whole[at : at + piece])
    assert dict(zip(history.steps, history.curve("loss"), strict=True)) == truth
    assert history.received == len(whole)


def test_a_lost_start_does_not_leave_two_rows_for_one_step() -> None:
    lost = bytearray(started(2))
    lost[-1] ^= 1
    history = history_of(
        encode_event(Columns(NAMES)), rows(1, 2, 3, 4), bytes(lost), rows(3, session=0.5)
    )
    assert history.steps.tolist() == [1, 2, 3]
    assert len(history.gaps) == 1


def test_new_columns_widen_the_table_and_leave_gaps_before_them() -> None:
    history = history_of(
        encode_event(Columns(NAMES)),
        rows(1),
        encode_event(Columns(("step", "error", "loss"))),
        encode_rows(np.array([[2.0, 7.0, 8.0]])),
    )
    assert history.columns == ("step", "loss", "error")
    assert history.curve("loss").tolist() == [1, 8]
    assert np.isnan(history.curve("error")[0])
    assert history.curve("error")[1] == 7
    with pytest.raises(KeyError):
        history.curve("fid")


def test_the_end_counts_only_until_it_goes_on() -> None:
    ended = encode_event(Ended(3, 0.0, "stopped"))
    assert history_of(started(0), ended).ended == Ended(3, 0.0, "stopped")
    assert history_of(started(0), ended, started(3)).ended is None


def test_a_million_rows_are_held_in_growing_arrays() -> None:
    history = history_of(encode_event(Columns(NAMES)))
    block = np.arange(1, 65, dtype=float)
    for start in range(0, 1_000_000, 64):
        steps = start + block
        history.feed(encode_rows(np.stack((steps, -steps), 1)))
    assert len(history) == 1_000_000
    assert np.array_equal(history.curve("loss"), -history.steps)


def test_views_cannot_be_written() -> None:
    history = history_of(encode_event(Columns(NAMES)), rows(1))
    with pytest.raises(ValueError, match="read-only"):
        history.steps[0] = 2


def test_a_folder_without_a_journal_has_an_empty_past(tmp_path) -> None:
    assert len(read_history(RunFolder(tmp_path))) == 0
    (tmp_path / "journal").write_bytes(encode_event(Columns(NAMES)) + rows(1, 2) + b"FJ")
    assert read_history(RunFolder(tmp_path)).steps.tolist() == [1, 2]
