"""Whatever gets past every check still stands in a process that may take little and call nobody."""

import io
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import hostile_files as hostile
import numpy as np
import psutil
import pytest

from engine.contract.errors import UserError
from engine.contract.messages import ImportData, Inspect, TakeIn
from engine.hub.child import environment
from engine.worker import inspecting, limits
from engine.worker.inspecting import ask_inspector
from engine.worker.limits import Limits, Watch, limits_for

MB = 1 << 20


def confined(code: str, seconds: float = 60.0) -> "subprocess.CompletedProcess[str]":
    """Run code in a process under the limits of an inspect worker, with 200 MB."""
    before = (
        "import socket, subprocess, os, pickle, sys, ctypes\n"
        "from engine.worker.limits import Confined, Limits, isolate\n"
        "isolate()\n"
        f"Confined().renew(Limits({200 * MB}, {seconds}))\n"
    )
    words = [sys.executable, "-c", before + code]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60,
                          env=environment(1, {}))  # fmt: skip


FORBIDDEN = {
    "socket.create_connection(('127.0.0.1', 9))": "socket.",
    "socket.socket(socket.AF_UNIX)": "socket.",
    "subprocess.run(['true'])": "subprocess.Popen is not allowed",
    "os.system('true')": "os.system is not allowed",
    "os.fork()": "os.fork is not allowed",
    "os.posix_spawn('/bin/true', ['true'], {})": "os.posix_spawn is not allowed",
    "pickle.loads(b'cposix\\nsystem\\n.')": "pickle.find_class is not allowed",
    "bytearray(300 << 20)": "MemoryError",
}


def test_a_confined_process_calls_nobody() -> None:
    each = "".join(
        f"try:\n    {code}\n    print('did it')\n"
        "except (OSError, MemoryError) as error:\n    print(repr(error))\n"
        for code in FORBIDDEN
    )
    said = confined(each).stdout.splitlines()
    assert len(said) == len(FORBIDDEN)
    for line, words in zip(said, FORBIDDEN.values(), strict=True):
        assert words in line


CONNECTING = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
handle = libc.socket(2, 1, 0)
address = (2).to_bytes(2, "little") + (9).to_bytes(2, "big") + bytes([127, 0, 0, 1]) + bytes(8)
libc.connect(handle, address, 16)
print(os.strerror(ctypes.get_errno()))
"""


def test_compiled_code_has_no_network_either() -> None:
    """Past every hook of Python: where the system can, it knows no way to anywhere."""
    may = "import ctypes; raise SystemExit(ctypes.CDLL(None).unshare(0x50000000) != 0)"
    taken = subprocess.run([sys.executable, "-c", may], check=False).returncode == 0
    expected = "Network is unreachable" if taken else "Connection refused"
    assert confined(CONNECTING).stdout.strip() == expected


def test_processor_time_ends_a_process_that_hangs() -> None:
    assert confined("while True: pass", 1.0).returncode == -signal.SIGXCPU


def test_each_file_has_its_own_time() -> None:
    code = (
        "import time\n"
        "confined = Confined()\n"
        "for _ in range(3):\n"
        f"    confined.renew(Limits({200 * MB}, 1.0))\n"
        "    until = time.process_time() + 0.7\n"
        "    while time.process_time() < until: pass\n"
    )
    assert confined(code, 1.0).returncode == 0


def test_from_outside_memory_and_time_are_watched_where_the_system_keeps_no_limits() -> None:
    """As on Windows: nothing holds this process but who looks at it."""
    code = "held = b'x' * (1300 << 20); print('ready', flush=True); input()"
    words = [sys.executable, "-c", code]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            assert Watch(process.pid, Limits(100 * MB, 60)).wrong() == (
                "took more than 100 MB of memory"
            )
            assert Watch(process.pid, Limits(1000 * MB, 60)).wrong() == ""
            watch = Watch(process.pid, Limits(1000 * MB, 0.05))
            time.sleep(0.1)
            assert watch.wrong() == "took more than 0.05 seconds"
            watch.renew()
            assert watch.wrong() == ""
        finally:
            process.kill()


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def refusal(request: Inspect | ImportData | TakeIn, workspace: Path, held: Limits) -> str:
    before = psutil.Process().memory_info().rss
    with pytest.raises(UserError) as caught:
        ask_inspector(request, workspace, held)
    assert psutil.Process().memory_info().rss - before < 64 * MB
    assert not list(workspace.glob("*/*"))
    assert str(caught.value).count("\n") == 0
    return str(caught.value)


def test_an_array_that_unpacks_to_more_than_there_is_is_refused(tmp_path: Path) -> None:
    """0.3 MB that become 256 MB: the cap of an array lets it pass, the process has 100 MB."""
    file = io.BytesIO()
    np.save(file, np.zeros((1, 2)))
    head = file.getvalue()[:-16].replace(b"(1, 2)", b"(16000000, 2)")
    head = head.replace(b" " * 7 + b"\n", b"\n")  # as long as it was
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("points.npy", head + bytes(16_000_000 * 16))
    path = tmp_path / "bomb.npz"
    assert path.stat().st_size < MB
    said = refusal(
        Inspect(0, str(path), memory=100 * MB), tmp_path / "w", limits_for(path, 100 * MB)
    )
    assert said == "bomb.npz needs more memory than a foreign file may take."


def test_a_call_in_a_pickle_that_takes_all_memory_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "giant.pkl", hostile.GIANT_BYTES)
    said = refusal(Inspect(0, str(path)), tmp_path / "w", limits_for(path))
    assert said == "giant.pkl needs more memory than a foreign file may take."


def test_a_worker_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    path = written(tmp_path / "slow.pkl", b"\x80\x02}.")  # what reads it takes a second to load
    said = refusal(Inspect(0, str(path)), tmp_path / "w", Limits(seconds=0.01))
    assert said == (
        "slow.pkl cannot be opened: the process that read it took more than 0.01 seconds."
    )


def test_a_worker_that_dies_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspecting, "WORKER", "engine.worker.no_such_module")
    said = refusal(Inspect(0, str(tmp_path / "x")), tmp_path / "w", Limits())
    assert said == "x cannot be opened: the process that read it left with exit code 1."


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (hostile.png(12_500, 12_500, b""), "has more than 64 million pixels"),
        (hostile.png(40_000, 40_000, b""), "has more than 64 million pixels"),
        (hostile.text_bomb(100 * MB), "is damaged"),
    ],
    ids=["156 MP", "1.6 GP", "zTXt"],
)
def test_a_picture_made_to_fill_the_memory_is_refused(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = written(tmp_path / "bomb.png", content)
    assert path.stat().st_size < MB
    assert words in refusal(TakeIn(0, str(path)), tmp_path / "w", limits_for(path))


def test_limits_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with open(path, "wb") as file:
        file.truncate(limits.LEAST)
    assert limits_for(path).memory == limits.PER_BYTE * limits.LEAST
    assert limits_for(tmp_path / "gone") == Limits()
    assert limits_for(path, 5 * MB, 2.0) == Limits(5 * MB, 2.0)


def test_a_pipe_is_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for request in (
        TakeIn(0, str(tmp_path / "pipe.png")),
        ImportData(0, str(tmp_path), "mine"),
    ):
        said = refusal(request, tmp_path / "w", Limits(seconds=20.0))
        assert "20 seconds" not in said
