"""The training loop, as a generator of events: not pulling it is pausing it."""

import copy
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from msgspec.structs import replace
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.contract.errors import UserError
from engine.contract.journal import Columns, Noticed, Skipped
from engine.contract.learned import learned
from engine.contract.lineage import origin
from engine.contract.specs import (
    FlowMatching,
    Method,
    RunSpec,
    teacher_of,
    teacher_steps,
    total_steps,
)
from engine.data.batch import Batch
from engine.data.open import Dataset
from engine.flow.randomness import Randomness
from engine.networks.build import network_of
from engine.objectives.pool import Pool
from engine.objectives.registry import build_objective
from engine.train.fit import Fit, Measured, Tensors, not_finite
from engine.train.fitting import copy_into
from engine.train.memory import out_of_memory
from engine.train.optimiser import learning_rate
from engine.train.pool import Report, open_pool, size_to_come
from engine.train.precision import laid_out
from engine.train.preview import Previewer
from engine.train.teacher import Teacher, fill, network_teacher, start_from
from engine.train.watch import Watch

PATIENCE = 20  # updates in a row that may be skipped
GIVEN = ("data", "noise", "t", "s", "loss")  # terms that a skipped update is kept with
SPLIT = (
    "Memory ran out: from here on the network takes each batch in {} pieces, which is slower and "
    "gives the same gradient up to rounding. A smaller training.batch needs no pieces."
)
UNLIKE = "The student starts from new weights: its network is not its teacher's."


class Row(NamedTuple):
    """The metrics of one step, in the order of the newest `Columns`."""

    step: int
    values: tuple[float, ...]


class Diverged(UserError):
    """So many updates in a row could not be taken that the training leads nowhere.

    `taken` is the last one that was taken, `since` up to which all was as usual.
    """

    def __init__(self, message: str, taken: int, since: int) -> None:
        super().__init__(message)
        self.taken, self.since = taken, since


class Trainer:
    """A network, all that trains it, and how far it is: `step` updates, `seconds` of training.

    A method whose teacher is not given has two phases: its teacher, then itself. `teacher` is the
    one that is given, where the spec names one. `pool` is the file of the teacher's trajectories;
    `report` is told how many of how many of them are made, and may end that by what it raises.
    `start` are the first weights of the method itself, where the spec names a model to start from:
    of all else that is fitted, nothing is taken over. The teacher's phase begins anew.
    """

    def __init__(
        self,
        spec: RunSpec,
        dataset: Dataset,
        device: torch.device,
        threads: int = 0,
        teacher: Teacher | None = None,
        pool: Path | None = None,
        report: Report = lambda done, total: None,
        start: Mapping[str, Tensor] | None = None,
    ) -> None:
        if threads:
            torch.set_num_threads(threads)
        self.spec, self.dataset, self.device = spec, dataset, device
        self.step, self.seconds, self._skipped = 0, 0.0, 0
        self.classes = _classes(spec, dataset)
        # Data is drawn on the processor: it lies there. All else is drawn where it is used.
        self._draws = Randomness(spec.seed)
        self._randomness = Randomness(spec.seed, device)
        self._randomness.seed_global()
        self._teacher, self._pool, self._report = teacher, pool, report
        self._first = start
        self._begin("teacher" if teacher_steps(spec) else "training")

    @property
    def network(self) -> nn.Module:
        """What is fitted now."""
        return self._fit.network

    @property
    def parameters(self) -> int:
        """How many weights the model has."""
        return sum(p.numel() for p in self.network.parameters())

    @property
    def unwell(self) -> bool:
        """Its numbers are going bad: what it was before may be wanted again."""
        return self._skipped > 0 or self._watch.since is not None

    @property
    def checkpoint_bytes(self) -> int:
        """About how large a checkpoint becomes: all its tensors, also those that a student adds."""
        now = sum(map(_bytes, self.tensors().values()))
        if self.phase == "training":
            return now
        with torch.random.fork_rng([]):  # its first weights are drawn for nothing
            objective = build_objective(self.spec.method, self.dataset.info.shape, self.classes)
        copies = 1 if objective.target_decay(0.0) is None else 2  # the teacher, and the target
        # What an objective owns is fitted: it has two moments beside it.
        return now + copies * _bytes(self.network.state_dict()) + 3 * _bytes(objective.state_dict())

    @property
    def pool_bytes(self) -> int:
        """About how large the teacher's trajectories are that are still to be made."""
        return size_to_come(self._pool, self.spec, self.dataset) if self._pool else 0

    def run(self) -> Iterator[Row | Columns | Skipped | Noticed]:
        """Train on to the last step. Raises Diverged after too many skipped updates in a row."""
        names: tuple[str, ...] = ()
        self.network.train()
        while self.step < total_steps(self.spec):
            self._cross()
            if self._told and self.step == self._start:
                yield Noticed(self.step, self._told)
            started = time.perf_counter()
            step, pieces = self.step - self._start, self._fit.pieces
            found = self._measured(step)
            reason = not_finite(found)
            if not reason:
                self._fit.update(step, found)
            rate = learning_rate(self._fit.training, step)
            self.step += 1
            took = time.perf_counter() - started
            self.seconds += took
            row = {"step": self.step, "seconds": self.seconds, **found.values}
            row |= {"learning_rate": rate, "samples_per_second": self.spec.training.batch / took}
            if tuple(row) != names:
                names = tuple(row)
                yield Columns(names)
            if self._fit.pieces > pieces:
                yield Noticed(self.step, SPLIT.format(self._fit.pieces))
            yield from self._skip(reason)
            yield Row(self.step, tuple(row.values()))
            if not reason and (sentence := self._watch.take(self.step, found.values)):
                yield Noticed(self.step, sentence)

    def _measured(self, step: int) -> Measured:
        """What one update finds; where memory runs out the batch is taken in pieces."""
        self._before = self._randomness.state()
        self._given = self._batch()
        self._fit.follow(step)
        while True:
            try:
                return self._fit.measure(self._given, self._randomness, step)
            except (RuntimeError, MemoryError) as error:
                if not out_of_memory(error) or not self._fit.split():
                    raise
            # Behind the handler: until it is left, the traceback holds what took the memory.
            self._randomness.load(self._before)
            torch.cuda.empty_cache()

    def given(self) -> dict[str, Tensor]:
        """What the newest update was given, on the processor: `data`, `noise`, `t`, `s`, `label`.

        Of each what its method has, and the `loss` of each sample. No random stream is moved on.
        """
        step, now = self.step - 1 - self._start, self._randomness.state()
        self._randomness.load(self._before)
        try:
            terms = self._fit.opened(self._given, self._randomness, step)
        finally:
            self._randomness.load(now)
        found = {"data": self._given.data} | {k: terms[k] for k in GIVEN if k in terms}
        label = self._given.label
        found |= {} if label is None else {"label": label}
        return {name: value.detach().to("cpu", copy=True) for name, value in found.items()}

    def preview(self) -> NDArray[Any]:
        """Samples of the last average on fixed noise: float32 [n, 2] or uint8 [n, h, w, c]."""
        averages = self._fit.averages
        known = learned(self.spec, self.step)
        return self._previewer.draw(averages.weights[averages.rates[-1]], known)

    @property
    def loss_map(self) -> dict[str, NDArray[np.float32]]:
        """The training loss over (t, s) as it is gathered now; the device is waited for."""
        return {name: held.cpu().numpy() for name, held in self._fit.loss_map.tensors().items()}

    def tensors(self) -> Tensors:
        """Everything that a checkpoint needs to go on, by file."""
        streams = {"draws": self._draws.state(), "training": self._randomness.state()}
        own = self._own_teacher
        return {
            **self._fit.tensors(),
            **({"teacher": own.state_dict()} if own else {}),
            "randomness": {f"{k}.{n}": v for k, s in streams.items() for n, v in s.items()},
        }

    def state(self) -> dict[str, Any]:
        """The rest of what a checkpoint needs."""
        return {
            "step": self.step,
            "seconds": self.seconds,
            "skipped": self._skipped,
            "phase": self.phase,
            "teacher_steps": teacher_steps(self.spec),
            "method": _tag(self.spec),
        }

    def load(self, tensors: Mapping[str, Mapping[str, Tensor]], state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint. Raises UserError where it is of another network or method."""
        first, phase = teacher_steps(self.spec), str(state.get("phase", "training"))
        if state.get("teacher_steps", first) != first:
            raise UserError("The checkpoint does not fit spec.toml: its teacher is another one.")
        mine = _tag(self.spec)
        if (known := str(state.get("method", mine))) != mine:
            raise UserError(
                f"The checkpoint does not fit spec.toml: it is of the method {known}, not {mine}; "
                "to begin with its weights, start a new run with --start."
            )
        if phase != self.phase:
            if "teacher" not in tensors:
                raise UserError("The checkpoint does not fit spec.toml: it has no teacher.")
            self._teacher = self._taught(tensors["teacher"])
            self._begin("training")
        self._fit.load(tensors)
        try:
            self._load_streams(tensors["randomness"])
        except ValueError as error:
            raise UserError(str(error)) from error
        self.step, self.seconds = int(state["step"]), float(state["seconds"])
        self._skipped = int(state["skipped"])

    def _load_streams(self, saved: Mapping[str, Tensor]) -> None:
        for key, stream in (("draws", self._draws), ("training", self._randomness)):
            start = f"{key}."
            held = saved.items()
            stream.load({n.removeprefix(start): v for n, v in held if n.startswith(start)})

    def _begin(self, phase: str) -> None:
        """Build what a phase fits, "teacher" or "training"."""
        self.phase, spec = phase, self.spec
        self._watch = Watch()
        first = teacher_steps(spec)
        self._start = 0 if phase == "teacher" else first
        method: Method = spec.method
        training, teacher = spec.training, self._teacher
        if phase == "teacher" and (wanted := teacher_of(spec)):
            method, teacher = FlowMatching(wanted.times), None
            warmup = min(training.warmup, first // 10)
            training = replace(training, steps=first, warmup=warmup, cycles=1)
        network = self._network()
        self._told = self._give_weights(network)
        shape = self.dataset.info.shape
        self._fit = Fit(
            network,
            build_objective(method, shape, self.classes),
            training,
            self.device,
            teacher.velocity if teacher else None,
            self.classes or None,
        )
        self._previewer = Previewer(
            network,
            str(method.__struct_config__.tag),
            shape,
            self.classes,
            spec.cadence.count,
            spec.seed,
            self.device,
        )

    def _give_weights(self, network: nn.Module) -> str:
        """Give a network its first weights where they are not to be drawn; what is to be told."""
        spec, teacher = self.spec, self._teacher
        if self.phase == "training" and self._first is not None:
            if not fill(network, self._first):
                raise UserError(f"{spec.start} has another network than this run; start anew.")
            asked = teacher_of(spec)
            taught = asked and asked.start and teacher and teacher.network
            instead = ", not from its teacher's" if taught else ""
            return f"It starts from the weights of {origin(spec.start)}{instead}."
        return "" if teacher is None or start_from(network, spec, teacher) else UNLIKE

    def _network(self) -> nn.Module:
        spec, shape = self.spec, self.dataset.info.shape
        network = network_of(spec, shape, self.classes)
        return laid_out(network, spec.network, self.device)

    @property
    def _own_teacher(self) -> nn.Module | None:
        """The teacher that this run has trained itself."""
        mine = self.phase == "training" and teacher_steps(self.spec) and self._teacher
        return self._teacher.network if mine and self._teacher else None

    def _cross(self) -> None:
        """Go from the teacher's phase to the student's once the teacher is done.

        Trajectories are made first: until the student's first step, this is its teacher to all.
        """
        if self.phase == "teacher" and self.step >= teacher_steps(self.spec):
            averages = self._fit.averages
            teacher = self._taught(averages.weights[averages.rates[-1]])
            objective = build_objective(self.spec.method, self.dataset.info.shape)
            pool = self._trajectories(teacher) if objective.wants_pool else None
            self._teacher = teacher
            self._begin("training")
            if pool:
                self._fit.give(pool)
            self.network.train()
        if self._fit.wants_pool and self._teacher:
            self._fit.give(self._trajectories(self._teacher))

    def _trajectories(self, teacher: Teacher) -> Pool:
        """The teacher's trajectories, made where they are not there yet."""
        assert self._pool is not None
        own = Randomness(self.spec.seed)
        return open_pool(
            self._pool, self.spec, teacher.velocity, self.dataset, own, self.device, self._report
        )

    def _taught(self, weights: Mapping[str, Tensor]) -> Teacher:
        """A teacher of these weights. Raises UserError where they are of another network."""
        network = copy.deepcopy(self.network)  # a new one would draw random weights
        copy_into(network.state_dict(), weights)
        return network_teacher(network, self.spec)

    def _batch(self) -> Batch:
        spec = self.spec
        data, label = self.dataset.draw(spec.training.batch, self._draws, flip=spec.data.flip)
        if not self.classes or label is None:
            return Batch(data.to(self.device), None)
        if spec.data.label_dropout:
            hidden = self._draws.uniform("label dropout", label.shape) < spec.data.label_dropout
            label = label.masked_fill(hidden, self.classes)
        return Batch(data.to(self.device), label.to(self.device))

    def _skip(self, reason: str) -> Iterator[Skipped]:
        self._skipped = self._skipped + 1 if reason else 0
        if reason:
            yield Skipped(self.step, reason)
        if self._skipped >= PATIENCE:
            taken, since = self.step - self._skipped, self._watch.since
            raise Diverged(
                f"Training stopped at step {self.step}: {reason} in {PATIENCE} updates in a row; "
                "try a lower learning rate or a shorter gradient clip.",
                taken,
                taken if since is None else min(taken, since),
            )


def _tag(spec: RunSpec) -> str:
    return str(spec.method.__struct_config__.tag)


def _bytes(tensors: Mapping[str, Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())


def _classes(spec: RunSpec, dataset: Dataset) -> int:
    if not spec.data.labels:
        return 0
    if not dataset.info.labels:
        raise UserError(f"{spec.data.name} has no labels; turn off data.labels.")
    return len(dataset.info.labels)
