"""What a window that stands still (SIGSTOP) costs the training behind it.

`python -m tests.together.frozen [SECONDS]` prints it.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil

from engine.runs.folder import RunFolder
from engine.runs.history import read_history
from tests.hub.hub_support import MARK, new_mark, wait_until, workers
from tests.together.terminal import ROOT

SCRIPT = Path(__file__).with_name("following_window.py")
HUB, TRAIN = "engine.hub", "engine.worker.train"


class Cost(NamedTuple):
    """Of a frozen window: of steps a second and of the worker's time for a step the share that they
    changed by, against the time before and after; bytes that the hub grew by; steps in all.
    """

    slower: float
    dearer: float
    grown: int
    steps: int


def cost_of_a_frozen_window(folder: Path, seconds: float) -> Cost:
    """Let a window look on, freeze it and let it go on, for so many seconds each.

    Its curve must then be whole. A busy machine weighs on all three parts alike.
    """
    window = subprocess.Popen([sys.executable, SCRIPT, folder / "workspace", folder], cwd=ROOT)
    run = RunFolder(folder / "workspace" / "runs" / "a")
    try:
        wait_until(lambda: run.journal.exists() and rows_of(run) > 1000)
        hub, (worker,) = the_hub(), workers(TRAIN)
        parts, before, grown = [], hub.memory_info().rss, 0
        for frozen in (False, True, False):
            psutil.Process(window.pid).suspend() if frozen else None
            parts.append(part_of(run, worker, seconds))
            if frozen:
                grown = hub.memory_info().rss - before
                psutil.Process(window.pid).resume()
        (folder / "stop").touch()
        window.wait()
    finally:
        window.kill()
        window.wait()
    steps = np.load(folder / "steps.npy")
    np.testing.assert_array_equal(steps, np.arange(1, rows_of(run) + 1))
    (pace, cost), around = parts[1], np.mean([parts[0], parts[2]], 0)
    return Cost(1 - pace / around[0], cost / around[1] - 1, grown, len(steps))


def part_of(run: RunFolder, worker: psutil.Process, seconds: float) -> tuple[float, float]:
    """Steps a second, and seconds of the processor for a step."""
    first, spent, start = rows_of(run), sum(worker.cpu_times()[:2]), time.monotonic()
    time.sleep(seconds)
    steps = rows_of(run) - first
    spent = sum(worker.cpu_times()[:2]) - spent
    return steps / (time.monotonic() - start), spent / steps


def the_hub() -> psutil.Process:
    """The hub itself, not its guardian."""
    return next(found for found in workers(HUB) if found.parent() in workers(HUB))


def rows_of(run: RunFolder) -> int:
    """Steps of which the journal tells."""
    return len(read_history(run).steps)


if __name__ == "__main__":
    os.environ[MARK] = new_mark()
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "hub")])
    with tempfile.TemporaryDirectory(prefix="flowmap-frozen-") as scratch:
        found = cost_of_a_frozen_window(Path(scratch), float((*sys.argv[1:], "20")[0]))
    sys.stdout.write(
        f"slower {100 * found.slower:.1f} %, a step {100 * found.dearer:.1f} % dearer, "
        f"hub {found.grown / 1e6:.1f} MB larger, {found.steps} steps\n"
    )
