"""Kills of the hub and of the studio, with everything behind them real."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from engine.contract.history import History
from engine.contract.journal import Reader, Sealed
from engine.hub.workspace import list_runs
from engine.runs import checkpoint
from engine.runs.folder import RunFolder
from tests.faults.tally import Place, Tally
from tests.hub.hub_support import processes, workers
from tests.together.terminal import ROOT

TRAIN = "engine.worker.train"
SCRIPT = ROOT / "tests" / "together" / "training_studio.py"
ENDLESS = 10**7
BEGIN, GONE = 120.0, 60.0  # seconds to start in, and to be gone in
LATER = 5.0  # seconds between the two kills: a worker that follows another takes two to load


def the_studio_dies(place: Place, tally: Tally) -> None:
    """Kill a studio in a training: its hub and workers save and leave."""
    a_part_dies(place, tally, lambda studio: studio)


def the_hub_dies(place: Place, tally: Tally) -> None:
    """Kill the hub behind a studio in a training: the workers save and leave."""
    a_part_dies(place, tally, lambda studio: by_module("engine.hub", studio))


def the_worker_dies(place: Place, tally: Tally) -> None:
    """Kill the train worker; then the studio, while the hub starts another or that one trains."""
    a_part_dies(place, tally, lambda studio: by_module(TRAIN, studio))


def by_module(module: str, studio: int) -> int:
    return next((found.pid for found in workers(module)), studio)


def a_part_dies(place: Place, tally: Tally, which: Callable[[int], int]) -> None:
    """Let a studio train on, kill a part of it, then the rest; look at what is left."""
    workspace = place.folder / "studio"
    known = list_runs(workspace) if workspace.exists() else []
    began = known[0].step if known else 0
    sealed = known[0].checkpoint if known else -1
    tally.resumes += bool(known)
    with (place.folder / "said").open("ab") as said:
        studio = subprocess.Popen(
            [sys.executable, SCRIPT, workspace, str(ENDLESS)], cwd=ROOT, stdout=said, stderr=said
        )
    seen = b""
    try:
        if not until(lambda: studio.poll() is not None or trained_beyond(workspace, began), BEGIN):
            tally.fault("unreadable", f"{workspace}: no training began beyond step {began}.")
        if studio.poll() is not None:
            tally.fault("unreadable", f"{workspace}: the studio left by itself, see {said.name}.")
        time.sleep(place.chance.uniform(0, 1.0))
        seen = the_run(workspace).journal.read_bytes()
        with contextlib.suppress(ProcessLookupError):  # it left by itself, which is told above
            os.kill(which(studio.pid), signal.SIGKILL)
        time.sleep(place.chance.uniform(0, LATER))
    finally:
        studio.kill()
        studio.wait()
    if not until(lambda: not processes(), GONE):
        left = processes()
        tally.fault("orphans", f"Left behind: {[name(found) for found in left]}.", len(left))
        for found in left:
            found.kill()
    told = still_there(seen, the_run(workspace).journal, tally)
    sealed = max([sealed, *(event.step for event in told.events if isinstance(event, Sealed))])
    found = checkpoint.newest(the_run(workspace))
    if (found.step if found else -1) < sealed or (found and found.damaged):
        tally.fault("unreadable", f"{workspace}: the newest of {sealed} is {found}.")


def still_there(seen: bytes, journal: Path, tally: Tally) -> History:
    """What a window had read, of which every record is to be there, byte for byte.

    A journal only grows. A training that goes on from a checkpoint trains the rows behind it anew,
    so a curve may be shorter for a moment; its records are not.
    """
    reader, history = Reader(), History()
    list(reader.feed(seen))
    history.feed(seen[: reader.offset])
    tally.shown(History(), journal)
    tally.rows += len(history)
    if not journal.read_bytes().startswith(seen[: reader.offset]):
        tally.fault("lost", f"{journal}: records that were shown are gone.", len(history))
    return history


def name(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return str(process.pid)


def trained_beyond(workspace: Path, step: int) -> bool:
    return any(run.state == "running" and run.step > step for run in list_runs(workspace))


def the_run(workspace: Path) -> RunFolder:
    (known,) = list_runs(workspace)
    return RunFolder(workspace / "runs" / known.name)


def until(true: Callable[[], object], patience: float) -> bool:
    """Wait for something; whether it came to pass."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.05)
    return False
