"""One phase of a training: a network that is fitted to one objective, and all that this moves."""

import copy
import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from engine.contract import specs
from engine.data.batch import Batch
from engine.flow.flow_map import Network
from engine.flow.randomness import Randomness
from engine.objectives.base import Loss, Models, Objective, Record, Trained, Velocity, unheard
from engine.objectives.lagrangian import LSD, TVM
from engine.objectives.pool import Pool
from engine.runs.folder import LOSS_MAP
from engine.train.ema import Averages
from engine.train.fitting import check_fits, copy_into
from engine.train.loss_map import LossMap
from engine.train.memory import InPieces, in_pieces
from engine.train.optimiser import Optimiser
from engine.train.precision import autocast

Tensors = dict[str, dict[str, Tensor]]
PIECES = 64  # at most, that a batch is taken in where memory runs out
# Their derivative by s carries a gradient, through which nothing can be asked again.
WHOLE = (LSD, TVM)
OTHERS = ("randomness", "teacher")  # files of a checkpoint that are not of a fit


class Measured(NamedTuple):
    """One forward and backward pass: numbers by name, and the gradients' lengths on the device.

    `trained` says where on (t, s) its samples stood.
    """

    values: dict[str, float]
    norm: Tensor
    adversary_norm: Tensor | None
    trained: Trained


class Step(nn.Module):
    """The loss as one module's forward, so that whatever wraps a module sees every gradient.

    The target and the teacher are not parts of it: no gradient is theirs.
    """

    def __init__(self, network: nn.Module, objective: Objective, models: Models) -> None:
        super().__init__()
        self.network, self.objective = network, objective
        self._models = [models]  # within a list: not registered
        self.pieces = 1

    def forward(
        self, batch: Batch, randomness: Randomness, progress: float, record: Record = unheard
    ) -> Loss:
        """The loss of one batch, whose terms `record` is told."""
        student = self._asked(self.network)
        models = self._models[0]._replace(student=student, record=record)
        if self.objective.target_decay(progress) is None:
            models = models._replace(target=student)
        else:
            models = models._replace(target=self._asked(models.target))
        teacher, pieces = models.teacher, self.pieces
        if teacher is not None and pieces > 1:
            models = models._replace(teacher=lambda *rows: in_pieces(teacher, pieces, *rows))
        loss: Loss = self.objective(models, batch, randomness, progress)
        return loss

    def _asked(self, network: Network) -> Network:
        """The network as the objective asks it."""
        if self.pieces == 1 or not isinstance(network, nn.Module):
            return network
        return InPieces(network, self.pieces)


class Fit:
    """A network, its objective, optimiser, averages and target, for `training.steps` updates."""

    def __init__(
        self,
        network: nn.Module,
        objective: Objective,
        training: specs.Training,
        device: torch.device,
        teacher: Velocity | None = None,
        hidden: int | None = None,
    ) -> None:
        self.network, self.objective = network, objective.to(device)
        self.training, self._device = training, device
        self._target = None
        if objective.target_decay(0.0) is not None:
            self._target = copy.deepcopy(network).requires_grad_(False)
        self._models = Models(network, self._target or network, teacher, hidden)
        self.loss = Step(network, objective, self._models)
        foe = [] if objective.discriminator is None else list(objective.discriminator.parameters())
        mine = {id(p) for p in foe}
        named = dict(network.named_parameters()) | dict(prefixed("objective", objective))
        self._optimiser = Optimiser({n: p for n, p in named.items() if id(p) not in mine}, training)
        against = {n: p for n, p in named.items() if id(p) in mine}
        self._adversary = Optimiser(against, training) if against else None
        self.averages = Averages(network, training.ema)
        self.loss_map = LossMap(device)

    @property
    def wants_pool(self) -> bool:
        """Whether the objective still waits for trajectories."""
        return self.objective.wants_pool and self._models.pool is None

    def give(self, pool: Pool) -> None:
        """Hand in the trajectories that the objective wants."""
        self._models, pieces = self._models._replace(pool=pool), self.loss.pieces
        self.loss = Step(self.network, self.objective, self._models)
        self.loss.pieces = pieces

    def split(self) -> bool:
        """Take each batch in twice as many pieces from now on; False where that cannot be done."""
        self.loss.pieces *= 2
        most = min(PIECES, self.training.batch)
        return not isinstance(self.objective, WHOLE) and self.loss.pieces <= most

    @property
    def pieces(self) -> int:
        """In how many pieces the network takes a batch."""
        return self.loss.pieces

    def opened(self, batch: Batch, randomness: Randomness, step: int) -> dict[str, Tensor]:
        """Every term of the loss of a batch, by its name (`engine.objectives.base.Record`)."""
        terms: dict[str, Tensor] = {}

        def record(**found: Tensor) -> None:
            terms.update(found)

        held = self._norms()
        try:
            with autocast(self._device, self.training.precision):
                self.loss(batch, randomness, step / self.training.steps, record)
        finally:
            self._put_back(held)  # to look at a step is not to take one
        return terms

    def measure(self, batch: Batch, randomness: Randomness, step: int) -> Measured:
        """Loss, its parts and the gradients of one batch; the device is waited for once.

        `follow` goes before it. Asked again after it failed, it finds what it would have found.
        """
        held = self._norms()
        try:
            return self._measure(batch, randomness, step)
        except (RuntimeError, MemoryError):
            self._put_back(held)
            raise

    def _norms(self) -> list[Tensor]:
        """What a discriminator knows of its norms, which each pass refines."""
        return [b.clone() for b in self.objective.buffers()] if self._adversary else []

    def _put_back(self, norms: list[Tensor]) -> None:
        for buffer, before in zip(self.objective.buffers(), norms, strict=False):
            buffer.copy_(before)

    def _measure(self, batch: Batch, randomness: Randomness, step: int) -> Measured:
        self._optimiser.clear()
        if self._adversary:
            self._adversary.clear()
        with autocast(self._device, self.training.precision):
            found = self.loss(batch, randomness, step / self.training.steps)
        loss, parts, trained, adversary = found
        loss.backward()
        named = {"loss": loss.detach(), **{k: v.mean() for k, v in parts.items()}}
        other = None
        if self._adversary and adversary is not None:
            adversary.backward()
            named["loss_adversary"] = adversary.detach()
            other = self._adversary.gradient_norm()
        norm = named["gradient_norm"] = self._optimiser.gradient_norm()
        values = torch.stack([v.float() for v in named.values()]).tolist()
        return Measured(dict(zip(named, values, strict=True)), norm, other, trained)

    def update(self, step: int, found: Measured) -> None:
        """Move all weights by what was measured, and the averages after them."""
        self._optimiser.update(step, found.norm)
        if self._adversary and found.adversary_norm is not None:
            self._adversary.update(step, found.adversary_norm)
        self.averages.update(step)
        self.loss_map.add(found.trained)

    def tensors(self) -> Tensors:
        """Everything that a checkpoint needs of it, by file."""
        found = {"model": self.network.state_dict(), "optimiser": self._optimiser.tensors()}
        found |= {ema_file(rate): weights for rate, weights in self.averages.weights.items()}
        found[LOSS_MAP] = self.loss_map.tensors()
        extra = {
            "objective": self.objective.state_dict(),
            "target": self._target.state_dict() if self._target else {},
            "adversary": self._adversary.tensors() if self._adversary else {},
        }
        return found | {name: tensors for name, tensors in extra.items() if tensors}

    def load(self, saved: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Go on from `tensors()`. Raises UserError, copying nothing, where they do not fit.

        A loss map that is missing, as in a run of an older version, begins anew.
        """
        wanted = self.tensors()
        if LOSS_MAP not in saved:
            del wanted[LOSS_MAP]
        check_fits(wanted, {k: v for k, v in saved.items() if k not in OTHERS})
        for name, target in wanted.items():
            copy_into(target, saved[name])
        self._optimiser.loaded()
        if self._adversary:
            self._adversary.loaded()

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Move the target towards the network by the decay of this step, once a step."""
        decay = self.objective.target_decay(step / self.training.steps)
        if self._target is None or decay is None or decay == 1.0:
            return
        goal = self.network.state_dict()
        for key, value in self._target.state_dict().items():
            if value.is_floating_point():
                value.lerp_(goal[key], 1 - decay)
            else:
                value.copy_(goal[key])


def prefixed(name: str, module: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """The named weights of a module, each name behind that of the module."""
    return ((f"{name}.{key}", weight) for key, weight in module.named_parameters())


def ema_file(rate: float) -> str:
    """Name of the file of an average, without its suffix."""
    return f"ema-{rate:g}"


def not_finite(found: Measured) -> str:
    """Why this step is not to be taken, or nothing."""
    for name, words in (("loss", "the loss"), ("gradient_norm", "the gradient")):
        if not math.isfinite(found.values[name]):
            return f"{words} was not finite"
    if found.adversary_norm is not None and not math.isfinite(found.adversary_norm):
        return "the discriminator's gradient was not finite"
    return ""
