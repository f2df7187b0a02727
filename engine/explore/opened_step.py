"""One training step, opened: a small batch, and every term of the loss that the method makes of it.

The terms are those that the objective itself computes (`engine.objectives.base.Record`).
"""

import copy
from typing import NamedTuple

import torch
from msgspec.structs import replace
from torch import Tensor, nn

from engine.contract import specs
from engine.contract.errors import UserError
from engine.contract.specs import EXACT, RunSpec, teacher_of, teacher_steps
from engine.data.batch import Batch
from engine.exchange.model_file import load_model_file
from engine.exchange.weights import filled_network
from engine.explore.models import Loaded, Place
from engine.flow.clock import Time, each
from engine.flow.grids import karras
from engine.flow.randomness import Randomness
from engine.flow.solvers import Step, euler, even, heun, rk4, trajectory
from engine.objectives.base import Loss, Models, Objective, Velocity
from engine.objectives.pool import Drawn
from engine.objectives.registry import build_objective
from engine.runs import checkpoint
from engine.runs.checkpoint import Checkpoint
from engine.runs.folder import RunFolder

MOST = 64  # samples of a batch that is looked at
STEPS: dict[str, Step] = {"euler": euler, "heun": heun, "rk4": rk4}


class OpenedStep(NamedTuple):
    """What a step of `method` is made of: `terms` float32 [rows, ...] or (rows,), and their loss.

    A term that only some rows have is nan on the others. `notes` say what stood in for something
    that is not kept, one sentence each.
    """

    method: str
    loss: float
    terms: dict[str, Tensor]
    notes: tuple[str, ...]


class _Phase(NamedTuple):
    """What was being trained, and how far it was."""

    method: specs.Method
    progress: float


def open_step(loaded: Loaded, place: Place, seed: int, count: int = 8) -> OpenedStep:
    """The terms of one step on `count` samples, with the weights of the model.

    Data, noise and times are drawn from `seed` as in the training. Raises UserError where what the
    method learns from is not to be had.
    """
    if not 1 <= count <= MOST:
        raise UserError(f"A step can be opened on 1 to {MOST} samples, not {count}.")
    phase, notes = _phase(loaded), list[str]()
    objective = _objective(loaded, phase, notes)
    kept = Checkpoint(place.step, place.path) if place.run and not place.path.suffix else None
    decay = objective.target_decay(phase.progress)
    _fill(objective, kept, notes)
    terms: dict[str, Tensor] = {}

    def record(**found: Tensor) -> None:
        terms.update(found)

    student = loaded.network
    if isinstance(phase.method, specs.CTM):  # it weighs its losses by their gradients
        student = copy.deepcopy(student).requires_grad_()
    target = student if decay is None else _target(loaded, kept, notes)
    teacher = _teacher(loaded, place, phase, notes)
    models = Models(student, target, teacher, loaded.classes or None, None, record)
    if objective.wants_pool:
        assert teacher is not None
        models = models._replace(pool=_Trajectories(loaded, phase.method, teacher))
    randomness = Randomness(seed, loaded.device)
    batch = _batch(loaded, seed, count)
    found: Loss = objective(models, batch, randomness, phase.progress)
    rows = len(terms["t"])
    whole = {name: _padded(term.detach().float().cpu(), rows) for name, term in terms.items()}
    return OpenedStep(_name(phase), float(found.loss.detach()), whole, tuple(notes))


def _phase(loaded: Loaded) -> _Phase:
    """The method of the update before this step: of the teacher's phase it is flow matching."""
    spec, step, first = loaded.spec, loaded.info.step, teacher_steps(loaded.spec)
    teacher = teacher_of(spec)
    if teacher is not None and first and step <= first:
        return _Phase(specs.FlowMatching(teacher.times), step / first)
    progress = (step - 1 - first) / spec.training.steps
    return _Phase(spec.method, min(max(0.0, progress), 1.0))


def _name(phase: _Phase) -> str:
    """The method by its name in the catalogue; after its mid-training CMT is the one that tunes."""
    method = phase.method
    if isinstance(method, specs.CMT) and phase.progress >= method.mid_share:
        method = method.post
    return str(method.__struct_config__.tag)


def _objective(loaded: Loaded, phase: _Phase, notes: list[str]) -> Objective:
    method = phase.method
    if isinstance(method, specs.CTM) and method.lambda_gan:
        method = replace(method, lambda_gan=0.0)
        notes.append("The discriminator's part of the loss is left out.")
    return build_objective(method, loaded.info.data.shape, loaded.classes).to(loaded.device)


def _fill(objective: Objective, kept: Checkpoint | None, notes: list[str]) -> None:
    """Give an objective the weights of its own that were trained with it."""
    own = objective.state_dict()
    if not own:
        return
    if kept and "objective" in kept.files():
        saved = kept.tensors("objective")
        objective.load_state_dict({key: saved.get(key, value) for key, value in own.items()})
    elif list(objective.parameters()):
        notes.append("The learned weight is not kept with this step: it is shown as 1.")


def _target(loaded: Loaded, kept: Checkpoint | None, notes: list[str]) -> nn.Module:
    """The moving average that makes the targets."""
    if kept and "target" in kept.files():
        return _network(loaded, kept.tensors("target"))
    notes.append("The average that makes the targets is not kept with this step: the model does.")
    return loaded.network


def _teacher(loaded: Loaded, place: Place, phase: _Phase, notes: list[str]) -> Velocity | None:
    """Who teaches: the exact flow, the run's own teacher, or the exact flow in its stead."""
    wanted = teacher_of(loaded.spec)
    if wanted is None or phase.method is not loaded.spec.method:
        return None
    exact = loaded.dataset.exact()
    if wanted.source != EXACT and place.run:
        return _kept_teacher(loaded, RunFolder(place.path.parent.parent), bool(wanted.source))
    if exact is None:
        raise UserError(f"{loaded.info.name} does not hold its teacher; open a run of this method.")
    if wanted.source != EXACT:
        notes.append("Its teacher is not kept with the model: the exact flow of the data teaches.")
    return lambda x, t, label: exact.v(x, t)


def _kept_teacher(loaded: Loaded, folder: RunFolder, given: bool) -> Velocity:
    """The teacher of a run: a file where it was given, else a part of its newest checkpoint."""
    labels = loaded.spec.data.labels
    if given:
        header, network = load_model_file(folder.path / "teacher.safetensors")
        labels, network = header.spec.data.labels, network.to(loaded.device)
    else:
        newest = checkpoint.newest(folder)
        if newest is None or "teacher" not in newest.files():
            raise UserError(f"{folder.name} does not hold its teacher any more.")
        network = _network(loaded, newest.tensors("teacher"))

    def velocity(x: Tensor, t: Tensor, label: Tensor | None) -> Tensor:
        found: Tensor = network(x, t, t, label if labels else None)
        return found

    return velocity


def _network(loaded: Loaded, state: dict[str, Tensor]) -> nn.Module:
    spec: RunSpec = loaded.spec
    return filled_network(loaded.info.name, spec, loaded.info.data, state).to(loaded.device)


def _batch(loaded: Loaded, seed: int, count: int) -> Batch:
    data, label = loaded.dataset.draw(count, Randomness(seed), flip=loaded.spec.data.flip)
    told = label if loaded.classes and label is not None else None
    return Batch(data.to(loaded.device), None if told is None else told.to(loaded.device))


def _padded(term: Tensor, rows: int) -> Tensor:
    missing = term.new_full((rows - len(term), *term.shape[1:]), torch.nan)
    return torch.cat((term, missing))


class _Trajectories:
    """Trajectories of a teacher, made when they are asked for, as a pool's are (`train.pool`)."""

    def __init__(self, loaded: Loaded, method: specs.Method, teacher: Velocity) -> None:
        assert isinstance(method, specs.Reflow | specs.CMT)
        wanted = method.trajectories
        spaced = karras if wanted.spacing == "karras" else even
        self._times = [float(t) for t in spaced(1.0, 0.0, wanted.steps)]
        self._step, self._teacher, self._loaded = STEPS[wanted.solver], teacher, loaded

    @torch.no_grad()
    def draw(self, count: int, randomness: Randomness) -> Drawn:
        """`count` of them; the last step is Euler's, so that no velocity is asked at t = 0."""
        noise = randomness.normal("noise", (count, *self._loaded.info.data.shape))
        label, times = _batch(self._loaded, randomness.seed, count).label, self._times

        def field(x: Tensor, t: Time) -> Tensor:
            return self._teacher(x, each(t, x), label).to(x)

        states = trajectory(field, noise, times[:-1], self._step)
        end = euler(field, states[-1], times[-2], times[-1])
        return Drawn(torch.cat((states, end[None])), torch.tensor(times).to(noise), label)
