"""What the window remembers, and what it makes of a damaged file."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio.model.session import RECENT, Session

TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    page=TEXT,
    model=TEXT,
    geometry=st.binary(max_size=40),
    times=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    seed=st.integers(0, 2**31 - 1),
    recent=st.lists(TEXT.filter(bool), max_size=20),
    shown=st.tuples(st.booleans(), st.booleans()),
    sizes=st.lists(st.integers(0, 10_000), max_size=4),
)
def test_what_was_set_is_there_at_the_next_start(
    tmp_path: Path,
    page: str,
    model: str,
    geometry: bytes,
    times: tuple[float, float],
    seed: int,
    recent: list[str],
    shown: tuple[bool, bool],
    sizes: list[int],
) -> None:
    path = tmp_path / "studio.ini"
    session = Session(path)
    session.clear_recent()
    session.page, session.model, session.theme, session.run = page, model, "light", model
    session.geometry, session.times, session.seed = geometry, times, seed
    session.advanced, session.log = shown
    session.keep_sizes("train-vertical", sizes)
    for name in recent:
        session.add_recent(name)
    session.save()
    again = Session(path)
    assert (again.page, again.model, again.theme, again.run) == (page, model, "light", model)
    assert (again.geometry, again.times, again.seed) == (geometry, times, seed)
    assert (again.advanced, again.log) == shown
    assert again.sizes("train-vertical") == sizes
    assert again.recent == list(dict.fromkeys(reversed(recent)))[:RECENT]


def test_a_fresh_session_has_defaults(tmp_path: Path) -> None:
    session = Session(tmp_path / "none.ini")
    assert (session.page, session.theme, session.model, session.run) == ("", "", "", "")
    assert (session.geometry, session.times, session.seed) == (b"", (1.0, 0.0), 0)
    assert (session.advanced, session.log, session.sizes("log")) == (False, False, [])
    assert session.recent == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not an ini file at all \x00\xff",
        "[General]\nt=2\ns=-1\nseed=many\ngeometry=text\nrecent=@Invalid()\npage=@Variant()\n"
        "advanced=maybe\nlog=7\n[split]\nlog=a lot -3 99999999999\n",
        "[General]\nt=nan\ns=@ByteArray(x)\nseed=-4\ngeometry=@Invalid()\nrecent=@ByteArray(x)\n",
    ],
)
def test_a_damaged_file_is_no_more_than_a_fresh_start(tmp_path: Path, text: str) -> None:
    path = tmp_path / "studio.ini"
    path.write_text(text, "latin-1")
    session = Session(path)
    assert (session.times, session.seed, session.geometry) == ((1.0, 0.0), 0, b"")
    assert (session.advanced, session.log, session.sizes("log")) == (False, False, [])
    assert isinstance(session.page, str)
    assert isinstance(session.recent, list)
    session.seed = 5
    session.save()
    assert Session(path).seed == 5
