"""The README's test command: lint, types, import contracts, tests. `test [fast]`, `check`, `bench`.

Window tests run as a process of their own, because a Qt abort takes the whole process with it.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
PYTHON_FILES = ["engine", "studio", "tests", "packaging"]
LINT = [
    ("format", [BIN / "ruff", "format", "--check", "--quiet", *PYTHON_FILES]),
    ("lint", [BIN / "ruff", "check", "--quiet", *PYTHON_FILES]),
    ("types", [BIN / "mypy"]),
    ("imports", [BIN / "lint-imports"]),
]


def pytest(*words: str) -> list[object]:
    return [sys.executable, "-m", "pytest", *words]


TESTS = [
    ("engine tests", pytest("-m", "not gui and not xvfb", "--ignore=tests/bench")),
    ("window tests", pytest("-m", "gui and not xvfb", "--ignore=tests/bench")),
    ("real-window tests", pytest("-m", "xvfb", "--ignore=tests/bench")),
]


def main() -> int:
    """Run the groups in order; all of them run, and any failure fails the whole."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else "test"
    groups = {
        "check": LINT,
        "test": LINT + TESTS,
        "bench": [("bench", [sys.executable, "-m", "tests.bench"])],
    }
    # Two threads each in several processes fight over two cores; one each is faster here.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    failed = []
    for name, command in groups[wanted]:
        start = time.monotonic()
        print(f"== {name}", flush=True)
        code = subprocess.call([str(word) for word in command], cwd=ROOT)
        print(
            f"== {name}: {'ok' if code == 0 else f'exit {code}'}, {time.monotonic() - start:.0f} s",
            flush=True,
        )
        if code:
            failed.append(name)
    if failed:
        print(f"Failed: {', '.join(failed)}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
