"""Noise and data to start from: sample i depends on the seed and on i alone.

So a larger grid goes on where the smaller one ends, and every model meets the same noise.
"""

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from engine.contract.errors import UserError
from engine.contract.messages import Source
from engine.data.open import Dataset
from engine.explore.models import Loaded
from engine.flow.randomness import Randomness

BLOCK = 64  # samples that are drawn together
_TRIES = 200  # blocks that are searched for samples of one class


class Start(NamedTuple):
    """`noise` [n, ...], beside it `data` where that is the source, and the `label` of each."""

    noise: Tensor
    data: Tensor | None
    label: Tensor | None


@lru_cache(maxsize=4)
def start(loaded: Loaded, source: Source) -> Start:
    """What a model is asked about, on the CPU. Raises UserError where it cannot be asked so."""
    if source.count < 1:
        raise UserError(f"The number of samples must be at least 1, not {source.count}.")
    shape = loaded.info.data.shape
    noise = draw_noise(source.seed, source.count, shape)
    label = labels(loaded, source.label, source.count)
    if source.kind == "noise":
        return Start(noise, None, label)
    data, found = draw_data(loaded.dataset, source.seed, source.count, source.label)
    return Start(noise, data, found if loaded.classes else None)


def draw_noise(
    seed: int, count: int, shape: tuple[int, ...], kind: str = "noise", first: int = 0
) -> Tensor:
    """Standard normal float32 [count, *shape], from sample `first` on; each `kind` has its own."""
    randomness = Randomness(seed)
    blocks = range(first // BLOCK, -(-(first + count) // BLOCK))
    drawn = [randomness.normal(f"{kind} {block}", (BLOCK, *shape)) for block in blocks]
    return torch.cat(drawn)[first % BLOCK :][:count]


def draw_data(
    dataset: Dataset, seed: int, count: int, label: int = -1
) -> tuple[Tensor, Tensor | None]:
    """Samples of a data set, all of one class where `label` names one, and their labels."""
    found: list[Tensor] = []
    labels: list[Tensor] = []
    for block in range(-(-count // BLOCK) + (_TRIES if label >= 0 else 0)):
        batch = dataset.draw(BLOCK, Randomness((seed << 32) + block))
        kept = slice(None) if label < 0 or batch.label is None else batch.label == label
        found.append(batch.data[kept])
        labels.append(torch.empty(0) if batch.label is None else batch.label[kept])
        if sum(map(len, found)) >= count:
            return torch.cat(found)[:count], None if batch.label is None else torch.cat(labels)[
                :count
            ]
    raise UserError(f"{dataset.info.title} has too few samples with label {label}; ask for fewer.")


def labels(loaded: Loaded, label: int, count: int) -> Tensor | None:
    """The label of each sample: one for all, or every class in turn (-1). Raises UserError."""
    if not -1 <= label < loaded.classes:
        last = loaded.classes - 1
        known = f"-1 (all) or 0 to {last}" if loaded.classes else "-1, as it knows no labels"
        raise UserError(f"The label for {loaded.info.name} must be {known}, not {label}.")
    if not loaded.classes:
        return None
    return torch.arange(count) % loaded.classes if label < 0 else torch.full((count,), label)
