"""The teacher that a run is given: found once, then kept in the run's own folder."""

from pathlib import Path

import torch

from engine.contract.catalogue import DataSet
from engine.contract.errors import UserError
from engine.contract.specs import EXACT, RunSpec, teacher_of
from engine.data.open import Dataset
from engine.exchange.model_file import load_model_file, save_model
from engine.explore.models import Loaded, load_model
from engine.runs.folder import RunFolder
from engine.train.teacher import Teacher, exact_teacher, network_teacher


def check_teacher(spec: RunSpec, data: DataSet, workspace: Path) -> None:
    """Raise UserError, one sentence, where the model that a spec names cannot teach `data`."""
    teacher = teacher_of(spec)
    if teacher is None or not teacher.source:
        return
    if teacher.source != EXACT:
        _fitting(teacher.source, data, workspace)


def given_teacher(
    run: RunFolder, spec: RunSpec, dataset: Dataset, workspace: Path, device: torch.device
) -> Teacher | None:
    """The teacher that a spec names, or None. Its weights are copied into the run's folder.

    So the run goes on the same when what it was taught by is trained further or deleted.
    """
    wanted = teacher_of(spec)
    if wanted is None or not wanted.source:
        return None
    if wanted.source == EXACT:
        return exact_teacher(dataset)
    kept = run.path / "teacher.safetensors"
    if not kept.exists():
        try:
            found = _fitting(wanted.source, dataset.info, workspace)
        except UserError as error:
            raise UserError(f"The teacher of this run is not to be had: {error}") from error
        info = found.info
        save_model(kept, found.network.state_dict(), found.spec, info.data, info.step, info.ema)
    opened = load_model_file(kept)
    known = opened.header.spec
    if known.data.labels and not known.data.label_dropout and not spec.data.labels:
        raise UserError(
            f"{wanted.source} always knew the class; train it with data.label_dropout above 0, or "
            "turn data.labels on."
        )
    return network_teacher(opened.network.to(device), known)


def _fitting(name: str, data: DataSet, workspace: Path) -> Loaded:
    """The model called `name`. Raises UserError where it is no teacher for `data`."""
    found = load_model(name, workspace)
    model, like = found.info, (data.name, data.shape, data.labels)
    if (model.data.name, model.data.shape, model.data.labels) != like:
        raise UserError(f"{name} learned {model.data.name}; name a teacher of {data.name}.")
    if model.capability not in ("velocity", "flow map"):
        raise UserError(f"{name} knows no velocity; name a flow-matching or EDM run as teacher.")
    return found
