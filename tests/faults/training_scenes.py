"""Kills of a training in a terminal: at any moment, and in the middle of a checkpoint."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from engine.contract.files import TEMPORARY
from engine.contract.history import History
from engine.contract.journal import Started
from engine.runs import checkpoint
from engine.runs.folder import RunFolder
from engine.runs.history import read_history
from tests.faults.tally import Place, Tally
from tests.together.terminal import engine, train

ENDLESS = 10**7
LONGEST = 60.0  # seconds for a training to begin
LATEST = 1.5  # seconds after its first step, for the kill


def at_any_moment(place: Place, tally: Tally) -> None:
    """Kill a training while it loads, trains, draws or saves; the next one goes on with it."""
    moment = place.chance.uniform(0, LATEST)
    early = place.chance.random() < 0.1  # before its first step
    kill(place.folder / "any", tally, lambda run, first: early or time.monotonic() > first + moment)


def in_a_checkpoint(place: Place, tally: Tally) -> None:
    """Kill a training that saves all the time while a checkpoint is half written."""
    begun = place.chance.uniform(0, LATEST)
    inside = place.chance.uniform(0, 0.02)

    def now(run: RunFolder, first: float) -> bool:
        if time.monotonic() < first + begun:
            return False
        saving = any((run.path / "checkpoints").glob(f"{TEMPORARY}*"))
        if saving:
            time.sleep(inside)
        return saving or time.monotonic() > first + 10 * LATEST

    often = ["--set", "cadence.save=4", "--set", "network.width=128", "--set", "network.depth=4"]
    kill(place.folder / "saving", tally, now, *often)


def kill(
    folder: Path, tally: Tally, now: Callable[[RunFolder, float], bool], *changes: object
) -> None:
    """Train on in `folder`, kill at the moment that `now(run, its first step)` tells, look."""
    run = RunFolder(folder)
    before = checkpoint.newest(run) if run.spec_file.exists() else None
    begun = len(starts(read_history(run))) if run.journal.exists() else 0
    if run.spec_file.exists():
        process = engine("resume", folder, stdin=subprocess.DEVNULL)
        tally.resumes += 1
    else:
        process = train(folder, ENDLESS, *changes, stdin=subprocess.DEVNULL)
    seen = watch(run, process, now)
    process.kill()
    _, complained = process.communicate()
    if process.returncode != -9:
        tally.fault("unreadable", f"{folder}: it ended by itself: {complained.strip()[-300:]}")
        return
    if not run.journal.exists():
        return
    history = tally.shown(seen, run.journal)
    found = checkpoint.newest(run)
    if found and found.damaged:
        tally.fault("unreadable", f"{folder}: {found.damaged[0]}")
    later = starts(history)[begun:]  # none where it was killed before it said so
    if before and later and later[-1] < before.step:
        tally.fault("unreadable", f"{folder}: it went back behind step {before.step}.")


def starts(history: History) -> list[int]:
    """The step at which each session began."""
    return [event.step for event in history.events if isinstance(event, Started)]


def watch(
    run: RunFolder, process: "subprocess.Popen[str]", now: Callable[[RunFolder, float], bool]
) -> History:
    """Read the journal as a window does, until it is time to kill; what was read."""
    seen, begun, first, start = History(), time.monotonic(), 0.0, len_of(run)
    while process.poll() is None and time.monotonic() < begun + LONGEST:
        if run.journal.exists():
            with run.journal.open("rb") as journal:
                journal.seek(seen.received)
                seen.feed(journal.read())
        if not first and (len(seen) > start or now(run, float("inf"))):
            first = time.monotonic()
        if first and now(run, first):
            break
        time.sleep(0.01)
    return seen


def len_of(run: RunFolder) -> int:
    """How many steps the journal tells of."""
    return len(read_history(run)) if run.journal.exists() else 0
