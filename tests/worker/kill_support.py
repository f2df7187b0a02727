"""Sessions of training in processes of their own, which kill themselves at a chosen moment."""

import itertools
import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from engine.contract import specs
from engine.contract.catalogue import presets
from engine.contract.schema import fields, with_value
from engine.contract.specs import Cadence, RunSpec, teacher_steps
from engine.worker.session import train_session

STEPS = 20
TOUCHING = ("write", "fsync", "replace", "unlink", "rmdir", "ftruncate")  # what changes a disk
NOWHERE = Path("/nowhere")

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["engine.worker.session"])  # so that torch is there


def tiny(name: str, kind: str = "points") -> RunSpec:
    """A preset in 20 steps of a small network, those of its own teacher included."""
    spec = presets()[f"{kind}-{name}"].spec
    network: specs.Network = specs.MLP(width=16, depth=1)
    if kind != "points":
        network = specs.UNet(channels=8, multipliers=(1.0,), blocks=1, attention=(), dropout=0.2)
    spec = replace(spec, network=network, cadence=Cadence(save=5, keep=10, sample=4, count=4))
    values = {
        "method.teacher.source": "",
        "method.teacher.steps": 8,
        "method.trajectories.count": 32,
        "method.trajectories.steps": 4,
        "method.max_solver_steps": 2,
        "method.gan_from": 0.5,
    }
    known = {f.key for f in fields(spec)}
    for key, value in values.items():
        spec = with_value(spec, key, value) if key in known else spec
    steps = STEPS - teacher_steps(spec)
    return replace(spec, training=replace(spec.training, steps=steps, batch=8, warmup=2))


def session(folder: Path, spec: RunSpec | None, moment: int) -> int:
    """Train in a process that is killed before it touches the disk for the `moment`-th time.

    Returns its exit code: -9 where it was killed, 0 where it had finished before.
    """
    process = _processes.Process(target=_trained, args=(folder, spec, moment))
    process.start()
    process.join(60)
    assert process.exitcode is not None
    return process.exitcode


def _trained(folder: Path, spec: RunSpec | None, moment: int) -> None:
    calls = itertools.count(1)

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*args: Any, **named: Any) -> Any:
            if next(calls) == moment:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **named)

        return counting

    for name in TOUCHING:
        setattr(os, name, counted(getattr(os, name)))
    train_session(folder, spec, NOWHERE, threads=1)
