"""Noise and data to start from: sample i depends on the seed and on i alone.

So a larger grid goes on where the smaller one ends, and every model meets the same noise.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import torch
from msgspec.structs import replace
from torch import Tensor

from engine.contract.errors import UserError
from engine.contract.source import Sample, Source, carrying_problem, is_carried
from engine.data.open import Dataset
from engine.explore.models import Loaded
from engine.explore.noises import BLOCK as BLOCK
from engine.explore.noises import check_mix, rolled, source_noise
from engine.explore.noises import draw_noise as draw_noise
from engine.explore.own_pictures import taken_in
from engine.flow.randomness import Randomness

_TRIES = 200  # blocks that are searched for samples of one class
_FAR = 1e6  # no point is put further away


class Start(NamedTuple):
    """`noise` [n, ...], beside it `data` where that is the source, and the `label` of each."""

    noise: Tensor
    data: Tensor | None
    label: Tensor | None


@lru_cache(maxsize=4)
def start(loaded: Loaded, source: Source) -> Start:
    """What a model is asked about, on the CPU. Raises UserError where it cannot be asked so."""
    _check(loaded, source)
    shape, count = loaded.info.data.shape, source.count
    if source.moved:
        still = start(loaded, replace(source, moved=()))
        points = loaded.info.data.kind == "points"
        return still if points else still._replace(noise=rolled(still.noise, source.moved))
    noise = source_noise(source, shape)
    if source.kind == "sample":
        data, own = one_sample(loaded, source.sample or Sample())
        asked = own if source.label < 0 <= own < loaded.classes else source.label
        return Start(noise, data.expand(count, *shape), labels(loaded, asked, count))
    label = labels(loaded, source.label, count)
    if source.kind == "noise" and source.fan:
        return Start(
            noise[:1].repeat(count, *[1] * len(shape)),
            None,
            None if label is None else label[:1].repeat(count),
        )
    if source.kind == "noise":
        return Start(noise, None, label)
    data, found = draw_data(loaded.dataset, source.seed, count, source.label)
    return Start(noise, data, found if loaded.classes else None)


def one_sample(loaded: Loaded, sample: Sample) -> tuple[Tensor, int]:
    """One sample [*shape], and its label, -1 where it has none. Raises UserError."""
    kind, shape = loaded.info.data.kind, loaded.info.data.shape
    if (sample.picture and kind == "points") or (sample.point and kind == "images"):
        wrong = "a picture" if sample.picture else "a point"
        made = "points" if kind == "points" else "pictures"
        raise UserError(f"This model makes {made}: {wrong} cannot be where its x_t comes from.")
    if sample.point:
        _check_place(*sample.point)
        return torch.tensor(sample.point), -1
    if sample.picture:
        return taken_in(sample.picture, shape, loaded.workspace), -1
    found = loaded.dataset.pick(sample.index, sample.held_out)
    return found.data[0], -1 if found.label is None else int(found.label[0])


def _check(loaded: Loaded, source: Source) -> None:
    if source.count < 1:
        raise UserError(f"The number of samples must be at least 1, not {source.count}.")
    if source.mix:
        check_mix(source.mix)
    carried, points = is_carried(source), loaded.info.data.kind == "points"
    if carried and (problem := carrying_problem(loaded.info.capability)):
        raise UserError(problem)
    if carried and source.moved and not points:
        raise UserError("This picture was carried to t: there is no noise in it to move.")
    for one in source.moved:
        if one.index < 0:
            raise UserError(f"Samples are numbered from 0; {one.index} cannot be moved.")
        _check_place(one.x, one.y)


def _check_place(x: float, y: float) -> None:
    if not max(abs(x), abs(y)) <= _FAR or math.isnan(y):
        raise UserError(f"A place must be made of numbers up to {_FAR:g}, not of {x:g} and {y:g}.")


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
