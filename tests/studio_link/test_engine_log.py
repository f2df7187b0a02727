"""The engine's log keeps its end, also when it was put aside."""

import pytest

from studio.link import log
from studio.link.log import last_words, open_log, tail


def test_a_large_log_is_put_aside_and_its_end_is_still_read(tmp_path, monkeypatch):
    monkeypatch.setattr(log, "LARGE", 1000)
    path = tmp_path / "logs" / "engine.log"
    for k in range(100):
        with open_log(path) as file:
            file.write(b"line %03d %s\n" % (k, b"." * 30))
    sizes = [p.stat().st_size for p in path.parent.iterdir()]
    assert len(sizes) == 2
    assert max(sizes) <= 1000 + 40
    lines = tail(path, 1000).splitlines()
    assert len(tail(path, 1000)) == 1000
    assert lines[-1].startswith("line 099")
    assert [line[5:8] for line in lines[1:]] == [f"{k:03}" for k in range(101 - len(lines), 100)]


@pytest.mark.parametrize("size", [0, 1, 3, 100])
def test_a_tail_is_the_last_bytes(tmp_path, size):
    path = tmp_path / "log"
    path.write_bytes("grün\n".encode())
    assert tail(path, size) == "grün\n".encode()[-size or 9 :].decode("utf-8", "replace")
    assert tail(tmp_path / "none", size) == ""


def test_the_last_words_are_of_this_engine(tmp_path):
    path = tmp_path / "log"
    path.write_text("of the one before\n")
    start = path.stat().st_size
    assert last_words(path, start) == ""
    with path.open("a") as file:
        file.write("Traceback\nValueError: no\n\n")
    assert last_words(path, start) == ": ValueError: no"
    assert last_words(tmp_path / "none", 0) == ""
