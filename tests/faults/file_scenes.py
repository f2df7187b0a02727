"""Kills of what writes one file: the import of a data set, the export of samples."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

from engine.contract.files import TEMPORARY
from engine.data.open import open_data
from tests.faults.tally import Place, Tally
from tests.together.terminal import ROOT

PICTURES, SIDE = 1500, 64
MODEL = "points-eight-gaussians"


def cache_is_built(place: Place, tally: Tally) -> None:
    """Kill an import; what is there afterwards is whole or is not there, and the next one works."""
    workspace, pictures = place.folder / "workspace", place.folder / "pictures"
    if not pictures.exists():
        draw(pictures)
    name = f"set-{len(list(workspace.rglob('*.h5')))}"  # tried until it is there
    words = ["data", "import", pictures, name, "--workspace", workspace]
    process = subprocess.Popen(
        [sys.executable, "-m", "engine.cli", *map(str, words)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    strike(process, workspace, place)
    _, complained = process.communicate()
    tally.finished += process.returncode != -9
    if process.returncode not in (-9, 0) and "already" not in complained:
        tally.fault("unreadable", f"{name}: the import after a kill fails: {complained[-300:]}")
    for pack in workspace.rglob("*.h5"):
        if TEMPORARY in str(pack.relative_to(workspace)):
            continue
        try:
            found = open_data(pack.parent.name, workspace).info
        except Exception as error:  # noqa: BLE001  whatever it is, it is counted
            tally.fault("unreadable", f"{pack}: {error}")
        else:
            if found.count != PICTURES:
                tally.fault("unreadable", f"{pack} has {found.count} of {PICTURES} pictures.")


def strike(process: "subprocess.Popen[str]", folder: Path, place: Place) -> None:
    """Kill a process at a random moment after it began to write something, or a little before."""
    old = unfinished(folder)
    early = place.chance.random() < 0.3 and place.chance.uniform(0, 2.0)
    begun = time.monotonic()
    while process.poll() is None and not (early and time.monotonic() > begun + early):
        if unfinished(folder) - old:
            time.sleep(place.chance.uniform(0, 0.1))
            break
        time.sleep(0.002)
    process.kill()


def unfinished(folder: Path) -> set[Path]:
    """What is being written below a folder, which may go while it is looked at."""
    walked = os.walk(folder)
    found = {Path(root, name) for root, *names in walked for kind in names for name in kind}
    return {path for path in found if TEMPORARY in path.name}


def command(*words: object) -> "subprocess.Popen[str]":
    """Start a command of the engine."""
    line = [sys.executable, "-m", "engine.cli", *map(str, words)]
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(line, cwd=ROOT, text=True, **piped)


def draw(folder: Path) -> None:
    """A folder of pictures of noise."""
    folder.mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 256, (PICTURES, SIDE, SIDE, 3), np.uint8)
    for number, pixels in enumerate(noise):
        Image.fromarray(pixels).save(folder / f"{number:04}.png")


def export_is_written(place: Place, tally: Tally) -> None:
    """Kill an export over an older one: the file is the old one or the new one, never half."""
    kind = place.chance.choice(["npy", "npz", "h5"])
    target = place.folder / f"samples.{kind}"
    if not target.exists():
        finished = export(target, 20_000)
        _, complained = finished.communicate()
        if finished.returncode:
            tally.fault("unreadable", f"{target}: the export fails: {complained[-300:]}")
    process = export(target, 40_000)
    strike(process, place.folder, place)
    process.communicate()
    tally.finished += process.returncode != -9
    try:
        count = rows(target)
    except Exception as error:  # noqa: BLE001  whatever it is, it is counted
        tally.fault("unreadable", f"{target}: {error!r}")
        return
    if count not in (20_000, 40_000):
        tally.fault("unreadable", f"{target} has {count} samples.")


def export(target: Path, count: int) -> "subprocess.Popen[str]":
    return command("sample", MODEL, "--n", count, "--out", target)


def rows(path: Path) -> int:
    """How many samples a file holds."""
    if path.suffix == ".h5":
        import h5py

        with h5py.File(path, "r") as file:
            return max(len(file[name][()]) for name in file)
    loaded = np.load(path)
    return (
        len(loaded)
        if path.suffix == ".npy"
        else max(len(loaded[n]) for n in loaded if loaded[n].ndim)
    )
