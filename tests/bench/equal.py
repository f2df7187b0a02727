"""`python -m tests.bench.equal FOLDER [METHOD ...]`: emoji-16, every method, equal processor time.

Each `emoji-16-METHOD` preset is trained for as many steps as take the processor time of `STEPS`
(3,000) steps of flow matching, its teacher and its pool of trajectories within that. The price of
a step is measured beside flow matching, in turn, over a whole training in miniature. FOLDER keeps
the models and `results.jsonl`; what it holds is not trained again. At its end there is a sheet of
all models from the same noise, and a table.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image, ImageDraw

from engine.contract.catalogue import METHODS, method, presets
from engine.contract.messages import Source
from engine.contract.schema import fields, with_value
from engine.contract.specs import RunSpec, problems, teacher_steps
from engine.data.open import open_data
from engine.exchange.model_file import save_model
from engine.explore.jumps import states
from engine.explore.models import load_model
from engine.metrics.distances import kernel_distance, sliced_wasserstein
from engine.train.trainer import Trainer
from tests.bench.costs import steps
from tests.bench.emoji import sheet

BUDGET = int(os.environ.get("STEPS", "3000"))
SAMPLES, SHOWN = 1024, 24
COUNT = "method.trajectories.count"
LEFT = 96  # pixels for a row's name


class Price(NamedTuple):
    """Steps of flow matching that take as long: as a teacher's step, a method's, a trajectory."""

    teacher: float
    method: float
    trajectory: float


def price(spec: RunSpec, folder: Path, own: int = 48, teacher: int = 12, made: int = 64) -> Price:
    """Measured over a training of so few steps; the pool is made within the first own step."""
    known = {f.key for f in fields(spec)}
    small = with_value(spec, "training.steps", own)
    small = with_value(small, "training.warmup", 1)
    for key, value in {"method.teacher.steps": teacher, COUNT: made}.items():
        small = with_value(small, key, value) if key in known else small
    plain = presets()["emoji-16-fm"].spec
    base = (took for _, took in steps(plain, folder / "plain"))
    found: dict[str, list[tuple[float, float]]] = {"teacher": [], "training": []}
    for phase, took in steps(small, folder / "own"):
        found[phase].append((took, next(base)))
    crossing = found["training"].pop(0)
    ratio = {k: sum(a for a, _ in v) / sum(b for _, b in v) for k, v in found.items() if v}
    pool = crossing[0] / crossing[1] - ratio["training"] if COUNT in known else 0.0
    return Price(ratio.get("teacher", 0.0), ratio["training"], pool / made)


def equal(spec: RunSpec, costs: Price) -> RunSpec:
    """The preset with as many steps as the budget pays for, its teacher's in proportion."""
    known = {f.key: f.value for f in fields(spec)}
    pool = int(str(known.get(COUNT, 0))) * costs.trajectory
    first = teacher_steps(spec)
    share = (BUDGET - pool) / (first * costs.teacher + spec.training.steps * costs.method)
    found = with_value(spec, "training.steps", round(share * spec.training.steps))
    found = with_value(found, "method.teacher.steps", round(share * first)) if first else found
    if wrong := problems(found):
        raise SystemExit(f"{spec.preset}: STEPS={BUDGET} is too little. {wrong[0].message}")
    return found


def trained(spec: RunSpec, path: Path) -> float:
    """Write the model that comes of it; the seconds of processor time that it took."""
    data = open_data(spec.data.name, Path())
    with tempfile.TemporaryDirectory(prefix="flowmap-bench-") as folder:
        began = time.process_time()
        pool = Path(folder) / "trajectories.h5"
        trainer = Trainer(spec, data, torch.device("cpu"), 1, pool=pool)
        for _ in trainer.run():
            pass
        took = time.process_time() - began
    rate = spec.training.ema[-1]
    weights = trainer.tensors()[f"ema-{rate:g}"]
    save_model(path, weights, spec, data.info, trainer.step, rate)
    return took


def lengths(name: str) -> tuple[int, ...]:
    """The numbers of steps that a model is asked for; a step of a velocity is two evaluations."""
    if name == "pd":
        return (1,)
    return (1, 4, 16) if method(name).capability == "velocity" else (1, 2, 4)


def measured(path: Path, name: str) -> dict[str, list[float]]:
    """Sliced and kernel distance to the held-out pictures, by the number of steps."""
    held = open_data("emoji-16", Path()).held_out(1000)
    assert held is not None
    model, found = load_model(str(path), Path()), {}
    for count in lengths(name):
        x = states(model, Source(seed=1, count=SAMPLES), 1.0, 0.0, count).x_s
        found[str(count)] = [sliced_wasserstein(x, held), kernel_distance(x, held)]
    return found


def main() -> None:
    folder, names = Path(sys.argv[1]), sys.argv[2:] or [m.name for m in METHODS]
    folder.mkdir(parents=True, exist_ok=True)
    results = folder / "results.jsonl"
    rows = (
        [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    )
    for name in names:
        if name in {row["method"] for row in rows}:
            continue
        spec = presets()[f"emoji-16-{name}"].spec
        with tempfile.TemporaryDirectory(prefix="flowmap-bench-") as scratch:
            spec = equal(spec, price(spec, Path(scratch)))
        path = folder / f"{name}.safetensors"
        took = trained(spec, path)
        counts = {"teacher": teacher_steps(spec), "steps": spec.training.steps}
        row = {"method": name, **counts, "seconds": took, "distances": measured(path, name)}
        rows.append(row)
        with open(results, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(row, flush=True)
    shown = [row["method"] for row in rows]
    labelled(folder, shown).save(folder / "sheet.png")
    print(table(rows))


def labelled(folder: Path, names: list[str]) -> Image.Image:
    """A row a method, one step from the same noise; velocities with 16."""
    source, rows = Source(seed=1, count=SHOWN), []
    for name in names:
        model = load_model(str(folder / f"{name}.safetensors"), Path())
        count = lengths(name)[-1] if method(name).capability == "velocity" else 1
        rows.append(states(model, source, 1.0, 0.0, count).x_s)
    picture = sheet(rows)
    found = Image.new("RGB", (picture.width + LEFT, picture.height), "white")
    found.paste(picture, (LEFT, 0))
    draw, high = ImageDraw.Draw(found), picture.height // len(rows)
    for place, name in enumerate(names):
        draw.text((8, place * high + high // 2), name, "black", anchor="lm", font_size=16)
    return found


def table(rows: list[dict[str, object]]) -> str:
    """Markdown: a method a row; the distances of 1,024 training pictures above."""
    dataset = open_data("emoji-16", Path())
    held, real = dataset.held_out(1000), dataset.all()[:SAMPLES]
    assert held is not None
    floor = f"{sliced_wasserstein(real, held):.3f} / {kernel_distance(real, held):.4f}"
    lines = [
        f"training pictures: {floor}",
        "| method | teacher's steps | steps | seconds | sliced / kernel by number of steps |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        distances = row["distances"]
        assert isinstance(distances, dict)
        told = ", ".join(f"{n}: {a:.3f} / {b:.4f}" for n, (a, b) in distances.items())
        lines.append(
            f"| {row['method']} | {row['teacher'] or ''} | {row['steps']} "
            f"| {float(str(row['seconds'])):.0f} | {told} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
