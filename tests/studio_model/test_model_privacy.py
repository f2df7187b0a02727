"""No text that was cleaned tells who a person is or where the files lie, however it was written."""

import json
import threading
import time
import unicodedata
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.model.privacy import _WORDS, SHORT, Cleaner, places, variants

NAME = st.text(
    st.characters(
        categories=("Lu", "Ll", "Nd"), include_characters=" _-'.&%äßéñ日本", codec="utf-8"
    ),
    min_size=SHORT,
    max_size=12,
).filter(lambda n: n.strip(" .") == n and not any(w in n.casefold() or n.casefold() in w for w in
                                                  (*_WORDS, "localhost")))  # fmt: skip
WAYS = (
    str,
    str.upper,
    json.dumps,
    lambda t: json.dumps(t, ensure_ascii=False),
    lambda t: json.dumps(json.dumps(t)),
    lambda t: json.dumps({"message": f"cannot read {t}: no"}).replace("/", "\\/"),
    repr,
    lambda t: repr(t.encode()),
    quote,
    lambda t: quote(t, safe=""),
    lambda t: quote(quote(t, safe=""), safe=""),
    lambda t: t.replace("/", "\\"),
    lambda t: t.replace("/", "\\\\"),
    lambda t: unicodedata.normalize("NFD", t),
    lambda t: unicodedata.normalize("NFC", t),
    lambda t: f'File "{t}/x.py", line 3',
    lambda t: f"file://{quote(t)}/a b.png",
)


def told(text: str, secret: str) -> bool:
    """Whether a text gives a secret away in any of the ways that are written here."""
    text = text.casefold()
    return any(way(secret).strip("\"'b").casefold() in text for way in WAYS[:13])


@settings(max_examples=120, deadline=None)
@given(NAME, NAME, NAME, st.sampled_from(WAYS), st.text(max_size=30), st.sampled_from(WAYS))
def test_nothing_is_told(
    user: str, host: str, folder: str, way: object, between: str, other: object
) -> None:
    home, workspace = f"/home/{user}", f"/data/{folder}/work"
    cleaner = Cleaner({"workspace": [workspace], "home": [home], "user": [user], "host": [host]})
    secrets = (home, workspace, user, host)
    lines = [w(s) for s in secrets for w in (way, other)]  # type: ignore[operator]
    clean = cleaner.clean(between.join(lines))
    for secret in secrets:
        if secret.casefold() not in between.casefold() * 2:
            assert not told(clean, secret), (secret, clean)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ('File "/home/anna/x/a.py", line 3', 'File "<home>/x/a.py", line 3'),
        ("cannot read /mnt/secret/photos/a.png: bad", "cannot read <path> bad"),
        ('teacher = "/mnt/my photos/a.safetensors"', 'teacher = "<path>"'),
        ("'D:\\\\Work\\\\a b\\\\c.txt' is gone", "'<path>' is gone"),
        ("E:/pictures/a.png", "<path>"),
        ("cannot read /run/media/bo/DISK/a.png", "cannot read <path>"),
        ("/opt/client/a.npz, /dev/shm/client/a", "<path>, <path>"),
        ("OSError:/mnt/secret/a.npz", "OSError:<path>"),
        ("PATH=/usr/bin:/mnt/secret/bin", "PATH=/usr/bin:<path>"),
        (r"\\nas\client\a.npz and \\\\nas\\client\\a", "<path> and <path>"),
        ("from file:///mnt/a/b.png", "from <path>"),
        ("12.3 it/s, samples/000.png and/or 1/2", "12.3 it/s, samples/000.png and/or 1/2"),
        ("see /usr/lib/python3.11/ssl.py and /proc/cpuinfo", None),
        ("https://pytorch.org/docs/stable", None),
        ("Anna at BOX7, annabel", "<user> at <host>, <user>bel"),
        ("/DATA/STRASSE and /data/straße", "<workspace> and <workspace>"),
    ],
)
def test_what_stays_and_what_goes(text: str, clean: str | None) -> None:
    cleaner = Cleaner({"home": ["/home/anna"], "user": ["anna"], "host": ["box7"],
                       "workspace": ["/data/straße"]})  # fmt: skip
    assert cleaner.clean(text) == (text if clean is None else clean)


def test_a_short_name_is_a_word_of_its_own() -> None:
    cleaner = Cleaner({"user": ["al"]})
    assert cleaner.clean("al's learned schedule, AL") == "<user>'s learned schedule, <user>"


def test_a_placeholders_own_word_tells_nothing() -> None:
    assert variants("user") == variants("home") == variants("localhost") == variants("") == set()
    assert Cleaner({}).clean("nothing to do") == "nothing to do"


def test_the_places_are_this_process_s_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "jo-home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "jo-home"))
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "josephine")
    found = places(str(tmp_path / "space"))
    assert str(tmp_path / "jo-home") in found["home"]
    assert found["user"] == ["josephine", "jo-home"]
    assert str(tmp_path / "space") in found["workspace"]
    clean = Cleaner(found).clean(f"{tmp_path}/jo-home/a and {tmp_path}/space/runs, by josephine")
    assert clean == "<home>/a and <workspace>/runs, by <user>"


def test_a_long_text_leaves_other_threads_their_turn(tmp_path: Path) -> None:
    cleaner = Cleaner(places(str(tmp_path)))
    text = "step 12345: the loss rose to 12.5, see samples/000500.png and its log\n" * 4000
    thread = threading.Thread(target=cleaner.clean, args=(text,))
    thread.start()
    turns = 0
    while thread.is_alive():
        time.sleep(0.001)
        turns += 1
    assert turns > 5
