"""The training loop, as a generator of events: not pulling it is pausing it."""

import math
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.contract.errors import UserError
from engine.contract.journal import Columns, Skipped
from engine.contract.specs import RunSpec
from engine.data.batch import Batch
from engine.data.open import Dataset
from engine.flow.randomness import Randomness
from engine.networks.build import build_network
from engine.objectives.registry import build_objective
from engine.train.ema import Averages
from engine.train.optimiser import Optimiser, copy_into, learning_rate
from engine.train.precision import autocast, laid_out
from engine.train.preview import Previewer

PATIENCE = 20  # updates in a row that may be skipped
Tensors = dict[str, dict[str, Tensor]]


class Row(NamedTuple):
    """The metrics of one step, in the order of the newest `Columns`."""

    step: int
    values: tuple[float, ...]


class Measured(NamedTuple):
    """One forward and backward pass: numbers by name, and the gradient's length on the device."""

    values: dict[str, float]
    norm: Tensor


class Trainer:
    """A network, all that trains it, and how far it is: `step` updates, `seconds` of training."""

    def __init__(
        self, spec: RunSpec, dataset: Dataset, device: torch.device, threads: int = 0
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
        network = build_network(spec.network, dataset.info.shape, self.classes)
        self.network = laid_out(network, spec.network, device)
        self._objective = build_objective(spec.method)
        self._optimiser = Optimiser(self.network, spec.training)
        self._averages = Averages(self.network, spec.training.ema)
        self._previewer = Previewer(
            self.network,
            str(spec.method.__struct_config__.tag),
            dataset.info.shape,
            self.classes,
            spec.cadence.count,
            spec.seed,
            device,
        )

    @property
    def parameters(self) -> int:
        """How many weights are fitted."""
        return sum(p.numel() for p in self._optimiser.parameters)

    @property
    def checkpoint_bytes(self) -> int:
        """About how large a checkpoint is: weights, two moments and the averages."""
        return 4 * self.parameters * (3 + len(self.spec.training.ema))

    def run(self) -> Iterator[Row | Columns | Skipped]:
        """Train on to the last step. Raises UserError after too many skipped updates in a row."""
        names: tuple[str, ...] = ()
        self.network.train()
        while self.step < self.spec.training.steps:
            started = time.perf_counter()
            found = self._measure()
            reason = _not_finite(found.values)
            if not reason:
                self._optimiser.update(self.step, found.norm)
                self._averages.update(self.step)
            rate = learning_rate(self.spec.training, self.step)
            self.step += 1
            took = time.perf_counter() - started
            self.seconds += took
            row = {"step": self.step, "seconds": self.seconds, **found.values}
            row |= {"learning_rate": rate, "samples_per_second": self.spec.training.batch / took}
            if tuple(row) != names:
                names = tuple(row)
                yield Columns(names)
            yield from self._skip(reason)
            yield Row(self.step, tuple(row.values()))

    def preview(self) -> NDArray[Any]:
        """Samples of the last average on fixed noise: float32 [n, 2] or uint8 [n, h, w, c]."""
        return self._previewer.draw(self._averages.weights[self._averages.rates[-1]])

    def tensors(self) -> Tensors:
        """Everything that a checkpoint needs to go on, by file."""
        streams = {"draws": self._draws.state(), "training": self._randomness.state()}
        return {
            "model": self.network.state_dict(),
            **{ema_file(rate): weights for rate, weights in self._averages.weights.items()},
            "optimiser": self._optimiser.tensors(),
            "randomness": {f"{k}.{n}": v for k, s in streams.items() for n, v in s.items()},
        }

    def state(self) -> dict[str, Any]:
        """The rest of what a checkpoint needs."""
        return {"step": self.step, "seconds": self.seconds, "skipped": self._skipped}

    def load(self, tensors: Mapping[str, Mapping[str, Tensor]], state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint. Raises UserError where it is of another network."""
        weights = {"model": self.network.state_dict()}
        weights |= {ema_file(r): w for r, w in self._averages.weights.items()}
        for name, target in weights.items():
            if name not in tensors:
                raise UserError(f"The checkpoint does not fit spec.toml: it has no {name}.")
            copy_into(target, tensors[name])
        self._optimiser.load(tensors["optimiser"])
        for key, stream in (("draws", self._draws), ("training", self._randomness)):
            start = f"{key}."
            saved = tensors["randomness"].items()
            stream.load({n.removeprefix(start): v for n, v in saved if n.startswith(start)})
        self.step, self.seconds = int(state["step"]), float(state["seconds"])
        self._skipped = int(state["skipped"])

    def _measure(self) -> Measured:
        """Loss, its parts and the gradient of one batch; the device is waited for once."""
        self._optimiser.clear()
        training = self.spec.training
        with autocast(self.device, training.precision):
            loss, parts = self._objective(
                self.network, self._batch(), self._randomness, self.step / training.steps
            )
        loss.backward()
        norm = self._optimiser.gradient_norm()
        named = {"loss": loss.detach(), **{k: v.mean() for k, v in parts.items()}}
        named["gradient_norm"] = norm
        values = torch.stack([v.float() for v in named.values()]).tolist()
        return Measured(dict(zip(named, values, strict=True)), norm)

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
            raise UserError(
                f"Training stopped at step {self.step}: {reason} in {PATIENCE} updates in a row; "
                "try a lower learning rate or a shorter gradient clip."
            )


def ema_file(rate: float) -> str:
    """Name of the file of an average, without its suffix."""
    return f"ema-{rate:g}"


def _classes(spec: RunSpec, dataset: Dataset) -> int:
    if not spec.data.labels:
        return 0
    if not dataset.info.labels:
        raise UserError(f"{spec.data.name} has no labels; turn off data.labels.")
    return len(dataset.info.labels)


def _not_finite(values: dict[str, float]) -> str:
    for name, words in (("loss", "the loss"), ("gradient_norm", "the gradient")):
        if not math.isfinite(values[name]):
            return f"{words} was not finite"
    return ""
