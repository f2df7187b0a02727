"""`python -m tests.bench.methods RESULTS [PRESET ...]`: points presets against the exact map.

RESULTS is a file of one JSON object a line; what it holds already is not trained again, so that a
long measurement can be made in pieces. `SEEDS=0,1,2` and `DATA=spiral` in the environment choose.
"""

import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import torch
from msgspec.structs import replace

from engine.contract.catalogue import method, presets
from engine.contract.learned import learned
from engine.contract.specs import EXACT, RunSpec, teacher_of
from engine.data.open import open_data
from engine.flow.flow_map import FlowMap, flow_map_for
from engine.flow.oracles.dense import DenseFlow
from engine.train.teacher import exact_teacher
from engine.train.trainer import Trainer

POINTS = 4096
GRID = 128  # of a dyadic model's times


def rms(difference: torch.Tensor) -> float:
    """Root mean square length of points [n, 2]."""
    return float(difference.square().sum(dim=1).mean().sqrt())


def trained(spec: RunSpec) -> tuple[FlowMap, float]:
    """The flow map of the last average, and the seconds of processor time that it took."""
    data = open_data(spec.data.name, Path())
    wanted = teacher_of(spec)
    teacher = exact_teacher(data) if wanted and wanted.source == EXACT else None
    with tempfile.TemporaryDirectory(prefix="flowmap-bench-") as folder:
        pool = Path(folder) / "trajectories.h5"
        began = time.process_time()
        trainer = Trainer(spec, data, torch.device("cpu"), 1, teacher, pool)
        for _ in trainer.run():
            pass
        took = time.process_time() - began
    network = trainer.network.eval()
    network.load_state_dict(trainer.tensors()[f"ema-{spec.training.ema[-1]:g}"])
    known = learned(spec, trainer.step)
    return flow_map_for(known.method, network, "euler", known.grid), took


def figures(spec: RunSpec) -> dict[str, float]:
    """What a model of this capability can be asked, against the exact flow."""
    flow_map, took = trained(spec)
    exact = open_data(spec.data.name, Path()).exact()
    assert exact is not None
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn(POINTS, 2, generator=generator, dtype=torch.float64)
    flow, found = DenseFlow(exact, noise), {"seconds": took}
    with torch.no_grad():
        t, s = torch.rand(POINTS, 2, generator=generator).double().sort(1, True).values.unbind(1)
        if flow_map.capability == "dyadic":
            t, s = dyadic(generator)
        x_t, x_s = flow.at(t), flow.at(s)
        known = spec.method.__struct_config__.tag != "pd"  # that one knows its last grid alone
        if known and flow_map.capability in ("flow map", "dyadic"):
            jumped = flow_map.jump(x_t.float(), t.float(), s.float())
            found["share"] = rms(jumped - x_s) / rms(x_t - x_s)
        # Reflow learns another flow than the exact one; its velocity is not to be that.
        if flow_map.capability == "velocity" and spec.method.__struct_config__.tag != "reflow":
            v = flow_map.v(x_t.float(), t.float())
            found["velocity"] = rms(v - exact.v(x_t, t))
        one = flow_map.jump(noise.float(), 1.0, 0.0)
        found["one_step"] = rms(one - flow.at(0.0))
    return found


def dyadic(generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Times t = s + 1 / 2^k, both multiples of it."""
    size = 2 ** torch.randint(0, 8, (POINTS,), generator=generator)
    place = (torch.rand(POINTS, generator=generator) * size).long()
    return ((place + 1) / size).double(), (place / size).double()


def main() -> None:
    words = sys.argv[1:]
    path, names = Path(words[0]), words[1:]
    wanted = {k: p for k, p in presets().items() if k.startswith("points-")}
    done = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    data = os.environ.get("DATA", "eight-gaussians")
    for seed in map(int, os.environ.get("SEEDS", "0").split(",")):
        for name in names or wanted:
            key = {"preset": name, "data": data, "seed": seed}
            if any(key.items() <= row.items() for row in done):
                continue
            spec = wanted[name].spec
            spec = replace(spec, data=replace(spec.data, name=data), seed=seed)
            row = key | {"method": str(spec.method.__struct_config__.tag)} | figures(spec)
            done.append(row)
            with open(path, "a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            print(row, flush=True)
    print(table(done))


def table(rows: list[dict[str, object]]) -> str:
    """Markdown: a method a row, the mean over its seeds with the worst behind it."""
    groups = defaultdict(list)
    for row in rows:
        groups[row["data"], row["method"]].append(row)
    lines = ["| data | method | capability | any-to-any | one step | velocity | seconds | seeds |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    for (data, name), group in groups.items():
        cells = [str(data), str(name), method(str(name)).capability]
        for column in ("share", "one_step", "velocity", "seconds"):
            values = [float(str(row[column])) for row in group if column in row]
            digits = 0 if column == "seconds" else 3
            cells.append(
                f"{sum(values) / len(values):.{digits}f} ({max(values):.{digits}f})"
                if values
                else ""
            )
        lines.append("| " + " | ".join([*cells, str(len(group))]) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
