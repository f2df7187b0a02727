"""a step of every method against one of flow matching: emoji, 16 px, processor time, 1 thread"""

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from msgspec.structs import replace

from engine.contract.catalogue import METHODS, presets
from engine.contract.schema import fields, with_value
from engine.contract.specs import FlowMatching, RunSpec, total_steps
from engine.data.open import open_data
from engine.train.trainer import Row, Trainer

ROUNDS, BATCH = 12, 32
SHORT = {
    "method.teacher.source": "",
    "method.teacher.steps": 1,
    "method.trajectories.count": 64,
    "method.trajectories.steps": 4,
    "method.gan_from": 0.0,
}


def shortened(spec: RunSpec) -> RunSpec:
    """The spec with a teacher, a pool and a batch that are quickly done."""
    known = {f.key for f in fields(spec)}
    for key, value in SHORT.items():
        spec = with_value(spec, key, value) if key in known else spec
    return replace(spec, training=replace(spec.training, batch=BATCH))


def steps(spec: RunSpec, folder: Path) -> Iterator[tuple[str, float]]:
    """The phase of one step after the other, and its seconds of processor time."""
    folder.mkdir()
    data = open_data(spec.data.name, folder)
    trainer = Trainer(spec, data, torch.device("cpu"), 1, pool=folder / "trajectories.h5")
    events = trainer.run()
    while trainer.step < total_steps(spec):
        began = time.process_time()
        while not isinstance(next(events), Row):
            pass
        yield trainer.phase, time.process_time() - began


def of_method(spec: RunSpec, folder: Path) -> Iterator[float]:
    """Those of the method itself, without its teacher's."""
    return (took for phase, took in steps(shortened(spec), folder) if phase == "training")


def main() -> None:
    wanted = {m.name: presets()[f"emoji-16-{m.name}"].spec for m in METHODS}
    # The baseline is flow matching on that of the method's own preset.
    with tempfile.TemporaryDirectory(prefix="flowmap-bench-") as name:
        for tag in wanted:
            spec = wanted[tag]
            base = replace(spec, method=FlowMatching())
            pair = [of_method(s, Path(name) / f"{tag}-{k}") for k, s in enumerate((base, spec))]
            took = [[next(one) for one in pair] for _ in range(ROUNDS + 2)][2:]
            ratio = statistics.median(own / plain for plain, own in took)
            print(f"{tag:<10} {ratio:5.2f}", flush=True)
