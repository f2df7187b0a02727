"""The models that a run is given, its teacher and what it starts from: found once, then kept.

They are copied into the run's own folder, so the run goes on the same when the models are trained
further or deleted.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from msgspec.structs import replace
from torch import Tensor

from engine.contract.catalogue import DataSet
from engine.contract.errors import UserError
from engine.contract.lineage import parted, start_problems
from engine.contract.specs import EXACT, RunSpec, teacher_of
from engine.data.open import Dataset
from engine.exchange.model_file import ModelFile, load_model_file, save_model
from engine.explore.models import Loaded, load_model, open_place, resolve
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
    """The teacher that a spec names, or None. Its weights are copied into the run's folder."""
    wanted = teacher_of(spec)
    if wanted is None or not wanted.source:
        return None
    if wanted.source == EXACT:
        return exact_teacher(dataset)
    source = wanted.source
    file = run.path / "teacher.safetensors"
    opened = _kept(file, "teacher", lambda: _fitting(source, dataset.info, workspace))
    known = opened.header.spec
    if known.data.labels and not known.data.label_dropout and not spec.data.labels:
        raise UserError(
            f"{source} always knew the class; train it with data.label_dropout above 0, or "
            "turn data.labels on."
        )
    return network_teacher(opened.network.to(device), known)


def settled_start(spec: RunSpec, data: DataSet, workspace: Path) -> RunSpec:
    """The spec with the step in what it starts from, so that it says the same for good.

    Raises UserError, one sentence, where that is not to be had or does not fit.
    """
    if not spec.start:
        return spec
    place = resolve(spec.start, workspace)
    found = open_place(spec.start, place, workspace)
    _check_start(spec, data, found.spec, found.info.data)
    if not place.run or parted(spec.start)[1] is not None:
        return spec
    return replace(spec, start=f"{spec.start}@{place.step}")


def given_start(
    run: RunFolder, spec: RunSpec, data: DataSet, workspace: Path
) -> dict[str, Tensor] | None:
    """The weights that a run starts from, or None: the average that is shown of the model."""
    if not spec.start:
        return None
    kept = _kept(run.start, "start", lambda: load_model(spec.start, workspace))
    _check_start(spec, data, kept.header.spec, kept.header.data)
    return kept.network.state_dict()


def _check_start(spec: RunSpec, data: DataSet, parent: RunSpec, learned: DataSet) -> None:
    if found := start_problems(spec, data, parent, learned):
        raise UserError(found[0].message)


def _kept(file: Path, what: str, find: Callable[[], Loaded]) -> ModelFile:
    """The model of a file of the run's folder; it is found and put there first if it is not."""
    if not file.exists():
        try:
            found = find()
        except UserError as error:
            raise UserError(f"The {what} of this run is not to be had: {error}") from error
        info = found.info
        save_model(file, found.network.state_dict(), found.spec, info.data, info.step, info.ema)
    return load_model_file(file)


def _fitting(name: str, data: DataSet, workspace: Path) -> Loaded:
    """The model called `name`. Raises UserError where it is no teacher for `data`."""
    found = load_model(name, workspace)
    model, like = found.info, (data.name, data.shape, data.labels)
    if (model.data.name, model.data.shape, model.data.labels) != like:
        raise UserError(f"{name} learned {model.data.name}; name a teacher of {data.name}.")
    if model.capability not in ("velocity", "flow map"):
        raise UserError(f"{name} knows no velocity; name a flow-matching or EDM run as teacher.")
    return found
