"""Twenty seconds of bent inputs raise typed errors alone; and the driver would say if not."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

FAULTY = """
import os, sys, time
from tests.fuzz import __main__ as driver
from tests.fuzz import targets

def attack(content, random_of):
    if content == b"whole" * 20:
        return
    if KIND == "typed":
        raise targets.UserError("Fine.")
    if KIND == "error":
        raise KeyError("unexpected")
    if KIND == "hang":
        time.sleep(60)
    if KIND == "crash":
        os.abort()
    if KIND == "memory":
        held.append(bytearray(1 << 18))

KIND, held = sys.argv.pop(1), []
driver.HANG, driver.GROWTH = 0.2, 32 << 20
targets.TARGETS = (targets.Target("bad", lambda: [b"whole" * 20], attack),)
sys.exit(driver.main())
"""


def driven(*words: str, keep: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *words, "--keep", str(keep)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_bent_inputs_raise_typed_errors_alone(tmp_path: Path) -> None:
    done = driven("-m", "tests.fuzz", "--seconds", "20", keep=tmp_path / "kept")
    assert done.returncode == 0, done.stdout[-4000:]
    assert not (tmp_path / "kept").exists()
    inputs = re.findall(r"([\d,]+) inputs", done.stdout)
    assert all(int(count.replace(",", "")) > 20 for count in inputs), done.stdout


def test_the_driver_finds_what_is_wrong_and_keeps_it(tmp_path: Path) -> None:
    for kind, words in {
        "typed": "",
        "error": "KeyError: 'unexpected'",
        "hang": "Hang",
        "crash": "the process ended with -6",
        "memory": "memory grew by",
    }.items():
        inputs = "2000" if kind == "memory" else "20"
        keep = tmp_path / kind
        done = driven("-c", FAULTY, kind, "--inputs", inputs, keep=keep)
        assert done.returncode == (kind != "typed"), done.stdout + done.stderr
        assert words in done.stdout
        assert keep.exists() == (kind != "typed")
