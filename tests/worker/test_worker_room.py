"""The explore worker takes what memory is left and no more, and is the first to go."""

import subprocess
import sys

import psutil
import pytest

from engine.worker import room

LINUX = sys.platform == "linux"  # elsewhere there is no such limit, and nothing may be limited


def said(code: str) -> list[int]:
    """The numbers that a fresh process prints after `code`."""
    code = f"import psutil\nfrom engine.worker.room import *\nmine = psutil.Process()\n{code}"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return [int(word) for word in found.stdout.split()]


SHOW = "print(*mine.rlimit(psutil.RLIMIT_DATA), mine.memory_info().data)"


def test_it_may_take_what_is_left_but_for_a_reserve() -> None:
    if not LINUX:
        assert said("Room(False).renew(); print(1)") == [1]
        return
    memory = psutil.virtual_memory()
    soft, hard, data = said(f"Room(False).renew(); {SHOW}")
    free = memory.available - room.RESERVE * memory.total
    assert soft - data == pytest.approx(max(room.LEAST, free), abs=0.1 * memory.total)
    assert hard == -1  # so that it can be renewed either way


def test_where_nothing_is_left_it_is_told_and_can_go_on() -> None:
    small = (
        "import collections, engine.worker.room as r\n"
        "left = collections.namedtuple('Left', 'available total')\n"
        "r.psutil.virtual_memory = lambda: left({}, 1 << 34)\n"
        "room = Room({}); room.renew()\n"
        "try: print(len(bytearray(1 << 28)))\n"
        "except MemoryError: print(0)\n"
        "print(len(bytearray(1 << 20)))"
    )
    beyond = 0 if LINUX else 1 << 28
    assert said(small.format(0, False)) == [beyond, 1 << 20]
    assert said(small.format(1 << 33, False)) == [1 << 28, 1 << 20]
    assert said(small.format(0, True)) == [1 << 28, 1 << 20]  # a GPU's driver maps what it likes


def test_it_looks_again_after_a_while_only(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    memory = psutil.virtual_memory()
    monkeypatch.setattr(room.psutil, "virtual_memory", lambda: looked.append(1) or memory)
    monkeypatch.setattr(room.psutil.Process, "rlimit", lambda *_: (-1, -1), raising=False)
    clock = [100.0]
    monkeypatch.setattr(room.time, "monotonic", lambda: clock[0])
    made = room.Room(gpu=False)
    for _ in range(20):
        made.renew()
        clock[0] += room.PERIOD / 4
    assert len(looked) == (5 if LINUX else 0)


def test_the_system_ends_it_before_others() -> None:
    code = "import pathlib\ngo_first()\n"
    if LINUX:
        code += "print(pathlib.Path('/proc/self/oom_score_adj').read_text())"
        assert said(code) == [500]
    else:
        assert said(code) == []
