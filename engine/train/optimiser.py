"""The optimiser and its schedule."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from engine.contract import specs
from engine.train.fitting import copy_into

BETA1, EPSILON = 0.9, 1e-8
FLAT = 1e10  # an epsilon beside which no second moment counts


def learning_rate(spec: specs.Training, step: int) -> float:
    """The rate of update number `step`, from 0: a linear warm-up, then as the schedule says."""
    if step < spec.warmup:
        return spec.learning_rate * ((step + 1) / spec.warmup)
    if spec.schedule == "constant":
        return spec.learning_rate
    if spec.schedule == "inverse-sqrt":
        hold = max(spec.hold, spec.warmup)
        return spec.learning_rate * math.sqrt(hold / max(step, hold))
    cycle = min(spec.cycles * step // spec.steps, spec.cycles - 1)
    start, end = (k * spec.steps / spec.cycles for k in (cycle, cycle + 1))
    start = max(start, spec.warmup)
    way = min(1.0, (step - start) / max(1, end - start))
    left = 1 - way if spec.schedule == "linear" else 0.5 * (1 + math.cos(math.pi * way))
    return spec.learning_rate * left


def rectification(beta2: float, count: int) -> float:
    """RAdam's factor of update number `count`, from 1; 0 while the second moment is too unsure.

    arXiv 1908.03265, algorithm 2; as torch has it, a length of 5 is too short, not of 4.
    """
    power = beta2**count
    most = 2 / (1 - beta2) - 1
    length = most - 2 * count * power / (1 - power)
    if length <= 5:
        return 0.0
    found = (length - 4) * (length - 2) * most / ((most - 4) * (most - 2) * length)
    return math.sqrt(found)


class Optimiser:
    """AdamW (arXiv 1711.05101) or RAdam (arXiv 1908.03265) over named weights.

    It calls torch's fused kernel itself: `torch.optim.AdamW` is the same (a test says so), but
    making one imports torch's compiler, which doubles the time until the first step.
    """

    def __init__(self, weights: Mapping[str, nn.Parameter], spec: specs.Training) -> None:
        self.spec = spec
        self.parameters = list(weights.values())
        self._names = list(weights)
        self._first = [torch.zeros_like(p) for p in self.parameters]
        self._second = [torch.zeros_like(p) for p in self.parameters]
        self._counts = [torch.zeros((), device=p.device) for p in self.parameters]
        self._taken = 0  # the highest of the counts, without waiting for the device

    def clear(self) -> None:
        """Forget all gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    def gradient_norm(self) -> Tensor:
        """Length of the whole gradient, a scalar on the device."""
        return torch.nn.utils.get_total_norm(
            [p.grad for p in self.parameters if p.grad is not None]
        )

    @torch.no_grad()
    def update(self, step: int, norm: Tensor) -> None:
        """Move the weights by update number `step`; a gradient longer than the clip is cut."""
        if self.spec.clip:
            torch.nn.utils.clip_grads_with_norm_(self.parameters, self.spec.clip, norm)
        moved = [i for i, p in enumerate(self.parameters) if p.grad is not None]
        counts = [self._counts[i] for i in moved]
        torch._foreach_add_(counts, 1)
        self._taken += 1
        stretch, epsilon = self._stretch()
        torch._fused_adamw_(
            [self.parameters[i] for i in moved],
            [g for p in self.parameters if (g := p.grad) is not None],
            [self._first[i] for i in moved],
            [self._second[i] for i in moved],
            [],
            counts,
            lr=stretch * learning_rate(self.spec, step),
            beta1=BETA1,
            beta2=self.spec.beta2,
            weight_decay=self.spec.weight_decay / stretch,
            eps=epsilon,
            amsgrad=False,
            maximize=False,
        )

    def _stretch(self) -> tuple[float, float]:
        """By what Adam's rate is multiplied, and its epsilon.

        RAdam at first moves by the mean gradient alone: Adam does so with an epsilon that drowns
        the second moment, and a rate that makes up for it.
        """
        if self.spec.optimiser == "adamw":
            return 1.0, EPSILON
        factor = rectification(self.spec.beta2, self._taken)
        return (factor, EPSILON) if factor else (FLAT, FLAT)

    def tensors(self) -> dict[str, Tensor]:
        """Its memory: two moments and a count for each weight, by name."""
        groups = {"first": self._first, "second": self._second, "count": self._counts}
        return {
            f"{group}.{name}": tensor
            for group, tensors in groups.items()
            for name, tensor in zip(self._names, tensors, strict=True)
        }

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from `tensors()`. Raises UserError where they are of another network."""
        copy_into(self.tensors(), tensors)
        self.loaded()

    def loaded(self) -> None:
        """To be called when `tensors()` were written into."""
        self._taken = max(int(count) for count in self._counts)
