"""Find a model by name and open it: a shipped one, a run's sealed checkpoint, or a file."""

import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from engine.contract.catalogue import DataSet, Guidance, Model, method
from engine.contract.errors import UserError
from engine.contract.learned import learned
from engine.contract.messages import Solver
from engine.contract.specs import RunSpec, UNet, teacher_steps, total_steps
from engine.data.catalogue import find
from engine.data.open import Dataset, open_data
from engine.exchange.errors import ModelError
from engine.exchange.model_file import load_model_file
from engine.exchange.tensor_file import TensorFile, tensor_file
from engine.exchange.weights import classes_of, filled_network
from engine.flow.flow_map import FlowMap, Network, flow_map_for
from engine.hub.workspace import named_model
from engine.runs import checkpoint
from engine.runs.folder import RunFolder


class Place(NamedTuple):
    """Where weights lie: a model file, or a checkpoint of a run. Newer weights, another place."""

    path: Path
    run: bool
    step: int = 0
    changed: int = 0


@dataclass(eq=False)
class Loaded:
    """A model in memory, and all that is needed to ask it."""

    info: Model
    spec: RunSpec
    network: nn.Module
    classes: int
    device: torch.device
    workspace: Path

    @cached_property
    def flow_map(self) -> FlowMap:
        """The flow map that the network is."""
        return self.flow_map_of(self.network)

    @cached_property
    def halved(self) -> FlowMap:
        """The same with its large layers in bfloat16, to be asked under autocast.

        Autocast alone would convert all weights anew in every call (10 % of its time).
        """
        network = copy.deepcopy(self.network)
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                layer.to(torch.bfloat16)
        return self.flow_map_of(network)

    def flow_map_of(self, network: Network, solver: Solver = "heun") -> FlowMap:
        """The flow map that a network of this model is; `solver` is for a velocity."""
        known = learned(self.spec, self.info.step)
        return flow_map_for(known.method, network, solver, known.grid)

    @cached_property
    def dataset(self) -> Dataset:
        """What it learned. Raises DataError where that is not here."""
        return open_data(self.info.data.name, self.workspace)


def load_model(name: str, workspace: Path, ema: float | None = None) -> Loaded:
    """Open a model: the name of a shipped one, a run (RUN@STEP for an older checkpoint) or a file.

    Of a run the weights are the average of rate `ema`, by default its last. Raises ModelError.
    """
    return open_place(name, resolve(name, workspace), workspace, ema)


def resolve(name: str, workspace: Path) -> Place:
    """Where the model called `name` lies now. Raises ModelError."""
    try:
        named = named_model(name, workspace)
    except UserError as error:
        raise ModelError(str(error)) from None
    if not named.run:
        return _file(named.path)
    return _checkpoint(RunFolder(named.path), named.step)


def open_place(name: str, place: Place, workspace: Path, ema: float | None = None) -> Loaded:
    """Load the weights that lie there. Raises ModelError."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if place.run:
        spec, data, rate, state = _read_run(place, workspace, ema)
        network, step = filled_network(name, spec, data, state), place.step
    else:
        header, network = load_model_file(place.path)
        spec, data, rate, step = header.spec, header.data, header.ema, header.step
    info = _info(name, spec, data, step, rate, sum(p.numel() for p in network.parameters()))
    network = network.to(device)
    if isinstance(spec.network, UNet):
        # In this order 16 pictures take 32 instead of 45 ms in bfloat16, and 41 instead of 44.
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Loaded(info, spec, network, classes_of(spec, data), device, workspace)


def _info(name: str, spec: RunSpec, data: DataSet, step: int, ema: float, parameters: int) -> Model:
    known, now = method(str(spec.method.__struct_config__.tag)), learned(spec, step)
    capability = method(now.method).capability
    hidden = bool(classes_of(spec, data)) and spec.data.label_dropout > 0
    teacher = "Still the teacher. " if step <= teacher_steps(spec) and teacher_steps(spec) else ""
    return Model(
        name,
        f"{data.title} · {known.title}",
        known.name,
        capability,
        data,
        step,
        ema,
        parameters,
        f"{teacher}Step {step:,} of {total_steps(spec):,}, EMA {ema:g}.",
        now.grid,
        now.guidance or (Guidance() if hidden and capability == "velocity" else None),
    )


def _file(path: Path) -> Place:
    return Place(path, False, changed=path.stat().st_mtime_ns)


def _checkpoint(folder: RunFolder, step: str) -> Place:
    """The sealed checkpoint of `step`, or its frame of the film, or the newest that is whole."""
    if not step:
        found = checkpoint.newest(folder)
        if found is None:
            raise ModelError(f"{folder.name} has no checkpoint any more; open another model.")
        return Place(found.path, True, found.step, found.path.stat().st_mtime_ns)
    if int(step) not in folder.checkpoints():
        frame = folder.frame(int(step))
        return Place(frame, True, int(step), frame.stat().st_mtime_ns)
    path = folder.checkpoint(int(step))
    if problem := checkpoint.verify(path):
        raise ModelError(f"The checkpoint of step {step} of {folder.name} is damaged: {problem}.")
    return Place(path, True, int(step), path.stat().st_mtime_ns)


def _read_run(
    place: Place, workspace: Path, ema: float | None
) -> tuple[RunSpec, DataSet, float, TensorFile]:
    folder = RunFolder(place.path.parent.parent)
    spec = folder.spec()
    data = find(spec.data.name, workspace)
    rate = spec.training.ema[-1] if ema is None else ema
    if rate not in spec.training.ema:
        known = ", ".join(f"{known:g}" for known in spec.training.ema)
        raise ModelError(f"{folder.name} keeps no average of rate {rate:g}; it keeps {known}.")
    if place.path.suffix and rate != spec.training.ema[-1]:
        raise ModelError(
            f"Of step {place.step} {folder.name} keeps the average of rate "
            f"{spec.training.ema[-1]:g} only."
        )
    kept = place.path if place.path.suffix else place.path / f"ema-{rate:g}.safetensors"
    return spec, data, rate, tensor_file(kept)
