"""The campaign's own eyes: it must see what a kill has cost."""

import numpy as np
import pytest

from engine.contract.history import History
from engine.contract.journal import Columns, encode_event, encode_rows
from tests.faults.tally import Tally


@pytest.fixture
def journal(tmp_path):
    """A journal of three records of four rows each, and where each record ends."""
    path, ends = tmp_path / "journal", []
    with path.open("wb") as file:
        file.write(encode_event(Columns(("step", "loss"))))
        for first in (1, 5, 9):
            steps = np.arange(first, first + 4.0)
            file.write(encode_rows(np.stack([steps, steps**2], 1)))
            ends.append(file.tell())
    return path, ends


def seen_of(content):
    seen = History()
    seen.feed(content)
    return seen


def test_nothing_is_lost_of_a_journal_that_only_grew(journal):
    path, ends = journal
    tally = Tally()
    tally.shown(seen_of(path.read_bytes()[: ends[1]]), path)
    assert (tally.rows, tally.lost, tally.faults) == (8, 0, [])


def test_rows_that_were_shown_and_are_gone_are_counted(journal):
    path, ends = journal
    seen = seen_of(path.read_bytes())
    path.write_bytes(path.read_bytes()[: ends[0]])
    tally = Tally()
    tally.shown(seen, path)
    assert (tally.rows, tally.lost) == (12, 8)


def test_rows_that_have_changed_are_lost(journal):
    path, _ = journal
    tally, seen = Tally(), seen_of(path.read_bytes())
    other = np.stack([np.arange(1, 5.0), np.zeros(4)], 1)
    path.write_bytes(encode_event(Columns(("step", "loss"))) + encode_rows(other))
    tally.shown(seen, path)
    assert tally.lost == 12


def test_a_damaged_middle_is_seen(journal):
    path, ends = journal
    content = bytearray(path.read_bytes())
    content[ends[0] + 20] ^= 0xFF
    path.write_bytes(content)
    tally = Tally()
    tally.shown(History(), path)
    assert tally.unreadable
    assert "gaps" in tally.faults[0]
