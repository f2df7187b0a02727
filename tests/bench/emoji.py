"""`python -m tests.bench.emoji RUN SHEET.png`: a run's checkpoints against held-out pictures.

Sliced and kernel distances (pixels) of as many samples as there are training pictures, beside the
figure of the training pictures themselves, and a contact sheet: a row of the same noise each.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from engine.contract.messages import Source
from engine.data.open import open_data
from engine.explore.jumps import states
from engine.explore.models import load_model
from engine.metrics.distances import kernel_distance, sliced_wasserstein
from engine.runs.folder import RunFolder
from engine.runs.history import read_history

MINUTES = (10, 30, 60)  # of training
SHOWN = 24


def main() -> None:
    run = RunFolder(Path(sys.argv[1]))
    history = read_history(run)
    seconds = dict(zip(history.steps, history.curve("seconds"), strict=True))
    dataset = open_data(run.spec().data.name, Path())
    held, data = dataset.held_out(1000), dataset.all()
    assert held is not None
    print(f"real against held-out: {line(data, held)}")
    rows = []
    for step in chosen(run, seconds):
        model = load_model(f"{run.path}@{step}", Path())
        for nfe in (1, 4) if model.info.capability == "flow map" else (1, 32):
            found = states(model, Source(seed=1, count=len(data)), 1.0, 0.0, nfe).x_s
            minutes = seconds[step] / 60
            print(
                f"step {step:>6} {minutes:5.1f} min  nfe {nfe:>2}: {line(found, held)}", flush=True
            )
            rows.append(found[:SHOWN])
    sheet(rows).save(Path(sys.argv[2]))


def line(found: torch.Tensor, held: torch.Tensor) -> str:
    return (
        f"sliced {sliced_wasserstein(found, held):.4f}  kernel {kernel_distance(found, held):.5f}"
    )


def chosen(run: RunFolder, seconds: dict[float, float]) -> list[int]:
    """The last checkpoint within each of the minutes, and the last of all."""
    steps = run.checkpoints()
    found = {max((s for s in steps if seconds[s] <= 60 * m), default=steps[0]) for m in MINUTES}
    return sorted(found | {steps[-1]})


def sheet(rows: list[torch.Tensor], scale: int = 3) -> Image.Image:
    """Rows of pictures under each other, enlarged without smoothing."""
    grid = torch.cat([torch.cat(list(row), dim=2) for row in rows], dim=1)
    pixels = ((grid + 1) * 127.5).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    size = (picture.width * scale, picture.height * scale)
    return picture.resize(size, Image.Resampling.NEAREST)


if __name__ == "__main__":
    main()
