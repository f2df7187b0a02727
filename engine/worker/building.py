"""The trainer of a run's folder: its data, what it is given, and the checkpoint it goes on from."""

from pathlib import Path

import torch

from engine.contract.specs import RunSpec
from engine.data.open import open_data
from engine.runs.checkpoint import Checkpoint
from engine.runs.folder import RunFolder
from engine.train.pool import Report
from engine.train.trainer import Trainer
from engine.worker.teaching import given_start, given_teacher


def build_trainer(
    run: RunFolder,
    spec: RunSpec,
    workspace: Path,
    device: torch.device,
    found: Checkpoint | None,
    threads: int = 0,
    report: Report = lambda done, total: None,
) -> Trainer:
    """A trainer at the step of `found`, or at its first. Nothing is loaded yet.

    Models that it is given are put into the folder, where they are not there yet.
    """
    dataset = open_data(spec.data.name, workspace)
    under_way = found and found.state().get("phase", "training") == "training"
    start = None if under_way else given_start(run, spec, dataset.info, workspace)
    teacher = given_teacher(run, spec, dataset, workspace, device)
    pool = run.path / "trajectories.h5"
    return Trainer(spec, dataset, device, threads, teacher, pool, report, start)


def load_checkpoint(trainer: Trainer, found: Checkpoint) -> None:
    """Go on from a checkpoint. Raises UserError where it does not fit."""
    trainer.load({name: found.tensors(name) for name in found.files()}, found.state())
