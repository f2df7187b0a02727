"""What the window remembers, and what it makes of a damaged file."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.contract.messages import Keep, Sampler
from engine.contract.source import Mix, Moved, Sample, Source
from studio.model import session as module
from studio.model.session import RECENT, Session
from studio.model.view import View

TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)


VIEWS = st.builds(
    View,
    model=TEXT,
    t=st.floats(0, 1),
    s=st.floats(0, 1),
    steps=st.integers(1, 16),
    shares=st.lists(st.floats(0, 1), max_size=3).map(tuple),
    sampler=st.sampled_from((Sampler(), Sampler(0.5, "rk4", "karras", keep=Keep("coarse")))),
    source=st.sampled_from(
        (
            Source(seed=7),
            Source(mix=Mix((3, 4), 0.25), count=16),
            Source(mix=Mix((1, 2, 3, 4), 0.2, 0.7)),
            Source("data", way="carried", moved=(Moved(2, 0.5, -1.5),)),
            Source("sample", sample=Sample(12, True, way="carried")),
            Source("sample", sample=Sample(picture="0123456789abcdef")),
            Source("sample", sample=Sample(point=(0.5, -2.0)), fan=True),
        )
    ),
    map=st.sampled_from((None, "error", "loss")),
    middle=st.floats(0.001, 0.999),
    beside=st.lists(TEXT, max_size=3).map(tuple),
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    page=TEXT,
    run=TEXT,
    geometry=st.binary(max_size=40),
    view=VIEWS,
    recent=st.lists(TEXT.filter(bool), max_size=20),
    shown=st.tuples(st.booleans(), st.booleans()),
    sizes=st.lists(st.integers(0, 10_000), max_size=4),
)
def test_what_was_set_is_there_at_the_next_start(
    tmp_path: Path,
    page: str,
    run: str,
    geometry: bytes,
    view: View,
    recent: list[str],
    shown: tuple[bool, bool],
    sizes: list[int],
) -> None:
    path = tmp_path / "studio.ini"
    session = Session(path)
    session.clear_recent()
    session.page, session.theme, session.run = page, "light", run
    session.geometry, session.view = geometry, view
    session.advanced, session.log = shown
    session.keep_sizes("train-vertical", sizes)
    for name in recent:
        session.add_recent(name)
    session.save()
    again = Session(path)
    assert (again.page, again.theme, again.run) == (page, "light", run)
    assert (again.geometry, again.view) == (geometry, view)
    assert (again.advanced, again.log) == shown
    assert again.sizes("train-vertical") == sizes
    assert again.recent == list(dict.fromkeys(reversed(recent)))[:RECENT]


def test_a_fresh_session_has_defaults(tmp_path: Path) -> None:
    session = Session(tmp_path / "none.ini")
    assert (session.page, session.theme, session.run) == ("", "", "")
    assert (session.geometry, session.view) == (b"", None)
    assert (session.advanced, session.log, session.sizes("log")) == (False, False, [])
    assert session.recent == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[General]\ngeometry=text\nrecent=@Invalid()\npage=@Variant()\n"
        "advanced=maybe\nlog=7\n[split]\nlog=a lot -3 99999999999\n",
        "[General]\nrun=@ByteArray(x)\ngeometry=@Invalid()\nrecent=@ByteArray(x)\n",
    ],
)
def test_a_damaged_entry_is_its_default(tmp_path: Path, text: str) -> None:
    path = tmp_path / "studio.ini"
    path.write_text(text, "latin-1")
    session = Session(path)
    assert session.geometry == b""
    assert (session.advanced, session.log, session.sizes("log")) == (False, False, [])
    assert isinstance(session.page, str)
    assert isinstance(session.recent, list)
    session.page = "Explore"
    session.save()
    assert Session(path).page == "Explore"


def test_settings_that_cannot_be_read_are_kept_aside(tmp_path: Path) -> None:
    path = tmp_path / "studio.ini"
    path.write_bytes(b"not an ini file at all \x00\xff")
    session = Session(path)
    assert session.page == ""
    assert (tmp_path / "studio.ini.damaged").read_bytes() == b"not an ini file at all \x00\xff"
    session.page = "Train"
    session.save()
    assert Session(path).page == "Train"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff\xfe",
        b'{"model": "m", "t": 2}',
        b'{"model": "m", "steps": 0}',
        b'{"model": 3}',
        b'{"source": {"kind": "dream"}}',
        b'{"model": "m", "t": 0.5',
        b'{"model": "\xff"}',
        b'{"mood": ' + b"[" * 100_000,
        b" " * (2 << 20),
    ],
)
def test_a_view_that_cannot_be_read_is_kept_aside(tmp_path: Path, content: bytes) -> None:
    path, file = tmp_path / "studio.ini", tmp_path / "studio.explore.json"
    file.write_bytes(content)
    session = Session(path)
    assert session.view is None
    assert not file.exists()
    assert (tmp_path / "studio.explore.json.damaged").read_bytes() == content
    session.view = View("m", 0.5)
    session.save()
    assert Session(path).view == View("m", 0.5)


def test_what_a_newer_version_adds_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "studio.explore.json").write_bytes(b'{"model": "m", "mood": "good"}')
    assert Session(tmp_path / "studio.ini").view == View("m")


def test_a_disk_that_refuses_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session(tmp_path / "studio.ini")
    session.view = View("m")

    def full(*words: object, **more: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(module, "write_whole", full)
        session.save()
    assert Session(tmp_path / "studio.ini").view is None
    session.save()
    assert Session(tmp_path / "studio.ini").view == View("m")
