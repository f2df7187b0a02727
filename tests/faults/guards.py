"""`python -m tests.faults.guards`: take each guard away, one at a time, and see its test fail.

`guards.toml` says what guards against which fault, by what it is replaced, and what must fail then.
All of it happens in a copy of the tree; a test counts only where it passes with the guard.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import NamedTuple

from tests.faults.warm import Warm

ROOT = Path(__file__).resolve().parents[2]
TABLE = Path(__file__).with_name("guards.toml")
PATIENCE = 300.0  # seconds for one test without its guard
LOADED = (  # what the tests take their time to load, but nothing of the tree
    "pytest", "hypothesis.strategies", "hypothesis.internal.escalation", "numpy", "torch", "h5py",
    "safetensors.torch", "PIL.Image", "msgspec", "psutil", "PySide6.QtWidgets", "PySide6.QtTest",
    "pyqtgraph", "qasync",
)  # fmt: skip
PLAIN = ("-rfE", "--tb=no", "-p", "no:cacheprovider")
LATE = ("-W", "ignore::pytest.PytestAssertRewriteWarning")  # hypothesis was loaded before pytest
BROKEN = ("ImportError", "ModuleNotFoundError", "NameError", "SyntaxError", "failed on setup")


class Guard(NamedTuple):
    """A guard against a fault, by its text, and the tests that fail without it."""

    fault: int
    file: str
    text: str
    tests: tuple[str, ...]
    instead: str = ""

    def drifted(self) -> str:
        """Why it cannot be taken out of the tree any more, as a sentence; "" where it can."""
        source = (ROOT / self.file).read_text()
        if (count := source.count(self.text)) != 1:
            return f"{self.file} has the guard {self.name!r} {count} times, not once."
        try:
            compile(source.replace(self.text, self.instead), self.file, "exec")
        except SyntaxError as error:
            return f"{self.file} without the guard {self.name!r} is no Python: {error}."
        return ""

    @property
    def name(self) -> str:
        """Its first line that goes, shortened."""
        kept = self.instead.splitlines()
        return next(line for line in self.text.splitlines() if line not in ("", *kept)).strip()[:70]


def guards() -> list[Guard]:
    """All that is listed, in the order of the faults."""
    with open(TABLE, "rb") as file:
        listed = tomllib.load(file)["guard"]
    found = [Guard(**{**entry, "tests": tuple(entry["tests"])}) for entry in listed]
    return sorted(found, key=lambda guard: guard.fault)


def unguarded() -> dict[int, str]:
    """The faults without a guard that a test could miss, and why."""
    with open(TABLE, "rb") as file:
        return {int(number): why for number, why in tomllib.load(file)["unguarded"].items()}


def main() -> int:
    """Try every guard, print a line for each of its tests and a total; 1 where one survives."""
    parser = argparse.ArgumentParser(prog="tests.faults.guards", description=__doc__)
    parser.add_argument("--only", type=int, nargs="+", help="of these faults alone")
    parser.add_argument("--list", action="store_true", help="say what would be tried")
    chosen = parser.parse_args()
    wanted = [g for g in guards() if not chosen.only or g.fault in chosen.only]
    if drifted := [text for guard in wanted if (text := guard.drifted())]:
        print("\n".join(drifted))
        return 1
    if chosen.list:
        print("\n".join(f"{g.fault:>2}  {g.file}  {g.name}" for g in wanted))
        return 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="flowmap-guards-") as folder:
        os.chmod(folder, 0o755)  # some tests are nobody, who must find the program
        place = copied(Path(folder) / "tree")
        with Warm(place, *LOADED) as warm:
            faulty = with_guards(warm, wanted)
            for said in faulty:
                print(f"! with every guard: {said}", flush=True)
            tried = [tried_without(place, warm, g, test) for g in wanted for test in g.tests]
    minutes = (time.monotonic() - began) / 60
    faults = len({guard.fault for guard in wanted})
    print(f"{len(wanted)} guards of {faults} faults, {len(tried)} tests, {minutes:.1f} minutes")
    print(f"survived  {tried.count(False)}")
    return 0 if all(tried) and not faulty else 1


def copied(place: Path) -> Path:
    """A copy of all that belongs to the tree."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():  # else it is about to be taken away
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, place / name)
    # By its content: a file that is changed twice in a second must not be taken for the one before.
    made = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "checked-hash"]
    subprocess.run([*made, "engine", "studio"], cwd=place, check=True)
    return place


def with_guards(warm: Warm, wanted: list[Guard]) -> list[str]:
    """What fails in the tree as it is; tests of windows are called by themselves, as usual."""
    tests = list(dict.fromkeys(test for guard in wanted for test in guard.tests))
    windows = [test for test in tests if test.startswith("tests/studio")]
    others = [test for test in tests if test not in windows]
    groups = [group for group in (others, windows) if group]
    return [line for group in groups for line in failed(warm, group, 10 * PATIENCE)]


def tried_without(place: Path, warm: Warm, guard: Guard, test: str) -> bool:
    """Whether a test fails without a guard, which is put back."""
    file = place / guard.file
    whole = file.read_text()
    file.write_text(whole.replace(guard.text, guard.instead))
    try:
        said = next(iter(failed(warm, [test], PATIENCE, "-x")), "")
    finally:
        file.write_text(whole)
    fine = said.startswith("FAILED") and not any(word in said for word in BROKEN)
    why = " ".join(said.partition(" - ")[2].split())[:90]
    result = f"fails: {why}" if fine else f"SURVIVED: {said or 'passed'}"
    print(f"{guard.fault:>2} | {guard.file}: {guard.name} | {test} | {result}", flush=True)
    return fine


def failed(warm: Warm, tests: list[str], patience: float, *more: str) -> list[str]:
    """What pytest says of the tests that failed, a line each."""
    code, said = warm.pytest([*PLAIN, *LATE, *more, *tests], patience)
    if code == 0:
        return []
    found = [line for line in said.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    return found or [f"pytest left with {code}: {said.strip()[-200:]!r}"]


if __name__ == "__main__":
    sys.exit(main())
