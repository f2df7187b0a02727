"""The command line in processes of its own, and what it must leave of a run."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from engine.contract.journal import Event, Gap, Reader, Rows
from engine.runs.folder import RunFolder
from engine.runs.history import read_history

ROOT = Path(__file__).resolve().parents[2]
CHOSEN = {
    "network.width": 16, "network.depth": 1, "training.batch": 16, "training.warmup": 5,
    "cadence.save": 100, "cadence.sample": 150, "cadence.count": 16,
}  # fmt: skip


def engine(*words: object, **more: Any) -> "subprocess.Popen[str]":
    """Start a command."""
    command = [sys.executable, "-m", "engine.cli", *map(str, words), "--threads", "1"]
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=ROOT, **piped, **more)


def train(folder: Path, steps: int, *words: object, **more: Any) -> "subprocess.Popen[str]":
    """Start a training of quick steps."""
    changes = [word for key, value in CHOSEN.items() for word in ("--set", f"{key}={value}")]
    words = ("train", "points-fm", "--run", folder, "--steps", steps, *changes, *words)
    return engine(*words, **more)


def refusal(process: "subprocess.Popen[str]") -> str:
    """Why a command did nothing: one sentence, with exit code 2."""
    said, complained = process.communicate()
    assert process.returncode == 2, complained
    assert not said
    (sentence,) = complained.splitlines()
    return sentence


def records(run: RunFolder) -> list[Event | Rows | Gap]:
    """Everything in the journal: it can be read to its last byte, and no step's row lacks."""
    content, reader = run.journal.read_bytes(), Reader()
    found = list(reader.feed(content))
    assert reader.offset == len(content)
    assert not any(isinstance(record, Gap) for record in found)
    steps = read_history(run).steps
    np.testing.assert_array_equal(steps, np.arange(1, len(steps) + 1))
    return found
