"""The README's test command: `test` is lint, types, import contracts and tests.

`check` stops before the tests; `slow` is the tests that take more than ten seconds each (repeated
kills, compilation); `faults` kills programs at random moments, feeds them mutated files and sees
tests fail without their guards; `bench` prints the measurements.

Window tests run as a process of their own, because a Qt abort takes the whole process with it. What
starts programs and mostly waits for them is another process; both run beside the rest.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
TREES = ["engine", "studio", "tests", "packaging"]


WAITING = [f"tests/{name}" for name in ("hub", "together", "cli", "install", "studio_link")]
QUICK = "not gui and not xvfb and not slow"


def pytest(marked: str, *more: str) -> list[object]:
    return [sys.executable, "-m", "pytest", "-m", marked, "--ignore=tests/bench", *more]


# Groups that run one after the other; the commands of a group run side by side.
LINT: list[dict[str, list[object]]] = [
    {"format": [BIN / "ruff", "format", "--check", "--quiet", *TREES]},
    {"lint": [BIN / "ruff", "check", "--quiet", *TREES]},
    {"types": [BIN / "mypy"]},
    {"imports": [BIN / "lint-imports"]},
]
TESTS: list[dict[str, list[object]]] = [
    {
        "engine tests": pytest(QUICK, *(f"--ignore={folder}" for folder in WAITING)),
        "process tests": pytest(QUICK, *WAITING),
        "window tests": pytest("gui and not slow"),
    },
    {"real-window tests": pytest("xvfb")},
]
SLOW: list[dict[str, list[object]]] = [{"slow tests": pytest("slow")}]
BENCH: list[dict[str, list[object]]] = [{"bench": [sys.executable, "-m", "tests.bench"]}]
FAULTS: list[dict[str, list[object]]] = [
    {"kills": [sys.executable, "-m", "tests.faults", "--kills", "200"]},
    {"fuzzing": [sys.executable, "-m", "tests.fuzz", "--inputs", "200000"]},
    {"guards": [sys.executable, "-m", "tests.faults.guards"]},
]
COMMANDS = {
    "check": LINT,
    "test": LINT + TESTS,
    "slow": SLOW,
    "faults": FAULTS,
    "bench": BENCH,
}


class Running(NamedTuple):
    """A command under way, and the file that holds what it prints."""

    name: str
    process: subprocess.Popen[bytes]
    output: IO[bytes]
    began: float


def main() -> int:
    """Run every group, whatever fails; any failure fails the whole."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # more threads than cores wait for each other
    failed = []
    for group in COMMANDS[sys.argv[1]]:
        alone = len(group) == 1
        for running in [start(name, command, alone) for name, command in group.items()]:
            if finish(running):
                failed.append(running.name)
    print(f"Failed: {', '.join(failed)}" if failed else "All is well.", flush=True)
    return 1 if failed else 0


def start(name: str, command: list[object], alone: bool) -> Running:
    """Start a command; what it prints is kept until its end where it does not run alone."""
    print(f"== {name}", flush=True)
    output = tempfile.TemporaryFile()  # noqa: SIM115  (it outlives this function)
    words = [str(word) for word in command]
    process = subprocess.Popen(
        words, cwd=ROOT, stdout=None if alone else output, stderr=subprocess.STDOUT
    )
    return Running(name, process, output, time.monotonic())


def finish(running: Running) -> int:
    """Wait for a command, print what it said and how it ended; its exit code."""
    code = running.process.wait()
    running.output.seek(0)
    sys.stdout.write(running.output.read().decode(errors="replace"))
    took = time.monotonic() - running.began
    print(f"== {running.name}: {'ok' if code == 0 else f'exit {code}'}, {took:.0f} s", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
