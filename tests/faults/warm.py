"""Pytest in forks of a process that has loaded the slow libraries: many short calls cost little.

`python -m tests.faults.warm MODULE ...` takes calls as JSON, one a line: the seconds that it may
take, the file for what it prints, and its words. It answers each with the exit code.
"""

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

PERIOD = 0.02  # seconds between two looks whether a call has ended


class Warm:
    """Such a process, in a tree of which nothing is loaded yet. Use as a context."""

    def __init__(self, tree: Path, *modules: str) -> None:
        here = {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", "CI": "true"}
        here |= {"OMP_NUM_THREADS": "1", "QT_QPA_PLATFORM": "offscreen"}
        self._said = tree.parent / "said"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.warm", *modules],
            cwd=tree,
            env=os.environ | here,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def __enter__(self) -> "Warm":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.communicate()

    def pytest(self, words: list[str], patience: float) -> tuple[int, str]:
        """Its exit code, -9 where it took more seconds than that, and what it printed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([patience, str(self._said), *words]) + "\n")
        code = int(self._process.stdout.readline())
        return code, self._said.read_text(errors="replace")


def main() -> None:
    """Load the modules, then answer until the stream ends."""
    for name in sys.argv[1:]:
        importlib.import_module(name)
    with contextlib.suppress(KeyboardInterrupt):
        for line in sys.stdin:
            patience, said, *words = json.loads(line)
            child = os.fork()
            if not child:
                _call(said, words)
            sys.stdout.write(f"{_ended(child, patience)}\n")
            sys.stdout.flush()


def _call(said: str, words: list[str]) -> NoReturn:
    """Call pytest in a session of its own, and leave at once: what a fork tears down may hang."""
    import pytest

    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    printed = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    code = 1
    try:
        code = int(pytest.main(words))
    finally:
        sys.stdout.flush()
        os._exit(code)


def _ended(child: int, patience: float) -> int:
    """The exit code of a child; of what it started nothing is left, nor of itself after that."""
    until = time.monotonic() + patience
    try:
        while time.monotonic() < until:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(PERIOD)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -signal.SIGKILL


if __name__ == "__main__":
    main()
