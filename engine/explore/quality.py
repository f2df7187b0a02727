"""How good samples are by the number of steps: their distance to data that was held out."""

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from engine.contract.errors import UserError
from engine.contract.messages import Sampler, Source
from engine.explore.draws import draw_data, start
from engine.explore.jumps import Again, go
from engine.explore.models import Loaded
from engine.explore.ways import Wanted, interruptible, way
from engine.metrics.distances import kernel_distance, sliced_wasserstein

MOST = 4096  # samples
_PIECE = {"points": 1024, "images": 8}  # samples that are made together
_OTHER = 1 << 20  # between the seeds of data that is compared with data


class Quality(NamedTuple):
    """Distances of `size` samples, and of as many real ones (the floor), to the same reference.

    They compare raw values: `sliced` in the data's units, `kernel` without a unit; neither is an
    FID. `held_out`: the reference was never trained on.
    """

    sliced: float
    kernel: float
    floor_sliced: float
    floor_kernel: float
    nfe: int
    size: int
    held_out: bool


class Growing:
    """Samples of a model, made piece by piece; what is made stays when it is given up."""

    def __init__(self, loaded: Loaded, source: Source, steps: int, sampler: Sampler) -> None:
        self._loaded, self._source = loaded, source
        self._way = way(loaded, 1.0, 0.0, steps, sampler)
        self.nfe = self._way.nfe
        self._made: list[Tensor] = []

    def all(self, wanted: Wanted) -> Tensor:
        """All of them. Raises Abandoned as soon as they are not `wanted` any more."""
        noise, _, label = start(self._loaded, self._source)
        size = _PIECE[self._loaded.info.data.kind]
        for at in range(size * len(self._made), len(noise), size):
            own = None if label is None else label[at : at + size]
            again = Again(self._source.seed, f"quality {at}")
            taken = interruptible(self._way, wanted)
            self._made.append(go(self._loaded, taken, noise[at : at + size], own, again=again))
        return torch.cat(self._made)


_growing = lru_cache(maxsize=4)(Growing)


def quality(
    loaded: Loaded,
    source: Source,
    steps: int,
    sampler: Sampler | None = None,
    wanted: Wanted = lambda: True,
) -> Quality:
    """The distances of samples made in `steps` steps from the noise of `source`.

    Raises UserError for what cannot be asked, Abandoned when it is not `wanted` any more.
    """
    if not 2 <= source.count <= MOST:
        raise UserError(f"Quality is measured on 2 to {MOST} samples, not {source.count}.")
    growing = _growing(loaded, source, steps, sampler or Sampler())
    samples = growing.all(wanted)
    reference, floor, held_out = _reference(loaded, source)
    return Quality(*_apart(samples, reference), *floor, growing.nfe, source.count, held_out)


def _apart(samples: Tensor, reference: Tensor) -> tuple[float, float]:
    return sliced_wasserstein(samples, reference), kernel_distance(samples, reference)


@lru_cache(maxsize=2)
def _reference(loaded: Loaded, source: Source) -> tuple[Tensor, tuple[float, float], bool]:
    """What samples are compared with, and how far as many real ones are from it.

    Of one class only where the source is; held-out data has no labels, so it is not taken then.
    """
    dataset, seed, count, label = loaded.dataset, source.seed, source.count, source.label
    real, _ = draw_data(dataset, seed, count, label)
    held = dataset.held_out(count) if label < 0 else None
    reference = held if held is not None else draw_data(dataset, seed + _OTHER, count, label)[0]
    return reference, _apart(real, reference), held is not None
