"""points-meanflow by the command line: rms of jumps against the exact map, root mean square norm"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from engine.data.open import open_data
from engine.flow.oracles.dense import DenseFlow

PAIRS, POINTS = 64, 4096
SETS = ("eight-gaussians", "rings", "two-moons", "spiral", "pinwheel")


def engine(*words: object) -> None:
    command = [sys.executable, "-m", "engine.cli", *map(str, words)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def rms(difference: torch.Tensor) -> float:
    """Root mean square length of points [n, 2]."""
    return float(difference.square().sum(dim=1).mean().sqrt())


def measure(data: str, folder: Path) -> str:
    """Train, then jump over random s < t and from noise to data in one step."""
    run, began = folder / data, time.perf_counter()
    engine("train", "points-meanflow", "--data", data, "--run", run)
    took = time.perf_counter() - began
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn(POINTS, 2, generator=generator, dtype=torch.float64)
    exact = open_data(data, folder).exact()
    assert exact is not None
    flow = DenseFlow(exact, noise)
    times = torch.rand(POINTS, 2, generator=generator).sort(dim=1, descending=True).values
    t, s = times.double().unbind(1)
    x_t, x_s = flow.at(t), flow.at(s)
    found = jump(run, folder, x_t, t, s)
    one = jump(run, folder, noise, torch.ones(POINTS), torch.zeros(POINTS))
    score, nothing = rms(found - x_s), rms(x_t - x_s)
    return (
        f"{data:<16} any-to-any {score:.3f} of {nothing:.3f} = {score / nothing:.3f}   "
        f"one step {rms(one - flow.at(0.0)):.3f}   {took:.0f} s"
    )


def jump(
    run: Path, folder: Path, x: torch.Tensor, t: torch.Tensor, s: torch.Tensor
) -> torch.Tensor:
    names = {}
    for name, value in (("x", x), ("t", t), ("s", s)):
        names[name] = folder / f"{name}.npy"
        np.save(names[name], value.numpy().astype(np.float32))
    out = folder / "y.npy"
    engine("jump", run, "--t", names["t"], "--s", names["s"], "--in", names["x"], "--out", out)
    return torch.from_numpy(np.load(out)).double()


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="flowmap-bench-") as folder:
        for data in SETS:
            print(measure(data, Path(folder)), flush=True)
