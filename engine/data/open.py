"""Open a data set by name and draw from it."""

from pathlib import Path
from typing import Any, Protocol

import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.contract.assets import asset
from engine.contract.catalogue import POINT_SETS, DataSet
from engine.data.batch import Batch
from engine.data.catalogue import find, imported_folder
from engine.data.errors import DataError
from engine.data.pack import read_pack
from engine.data.point_sets import MIXTURES, Components, checkerboard
from engine.flow.oracles.mixture import Mixture
from engine.flow.randomness import Randomness


class Dataset(Protocol):
    """What is learned: samples float32 [n, *info.shape], pictures within [-1, 1], on the CPU."""

    info: DataSet

    def draw(self, count: int, randomness: Randomness, flip: bool = False) -> Batch:
        """Independent samples, the same for the same state of `randomness`."""

    def all(self) -> Tensor:
        """Every sample that `draw` may give. Raises DataError where there is no end of them."""

    def labels(self) -> Tensor | None:
        """The label of each of `all`, int64 [n], or None where they have none."""

    def held_out(self, count: int) -> Tensor | None:
        """The first `count` samples that `draw` never gives, or None where none are kept back."""

    def size(self, held_out: bool = False) -> int:
        """How many samples `pick` knows; 0 where there is no end of them."""

    def pick(self, index: int, held_out: bool = False) -> Batch:
        """Sample `index` of `all`, or of what is held out. Raises DataError where there is none."""

    def exact(self) -> Mixture | None:
        """The exact flow of this data set, where it is known."""


class PointSet:
    """Points drawn afresh from a law."""

    def __init__(self, info: DataSet, components: Components | None) -> None:
        self.info = info
        self._components = components

    def draw(self, count: int, randomness: Randomness, flip: bool = False) -> Batch:
        if self._components is None:
            return Batch(checkerboard(count, randomness), None)
        return Batch(self._components.draw(count, randomness), None)

    def all(self) -> Tensor:
        raise DataError(f"{self.info.title} is drawn afresh each time; there is no end of it.")

    def labels(self) -> Tensor | None:
        return None

    def held_out(self, count: int) -> Tensor | None:
        return None

    def size(self, held_out: bool = False) -> int:
        return 0

    def pick(self, index: int, held_out: bool = False) -> Batch:
        if held_out or index < 0:
            raise DataError(_no_sample(self.info, index, held_out, 0))
        return self.draw(1, Randomness(index))

    def exact(self) -> Mixture | None:
        return None if self._components is None else Mixture(*self._components)


class Points:
    """Imported points, float32 [n, 2]."""

    def __init__(self, info: DataSet, points: Tensor) -> None:
        self.info = info
        self._points = points

    def draw(self, count: int, randomness: Randomness, flip: bool = False) -> Batch:
        which = randomness.integers("data", len(self._points), (count,)).cpu()
        return Batch(self._points[which], None)

    def all(self) -> Tensor:
        return self._points

    def labels(self) -> Tensor | None:
        return None

    def held_out(self, count: int) -> Tensor | None:
        return None

    def size(self, held_out: bool = False) -> int:
        return 0 if held_out else len(self._points)

    def pick(self, index: int, held_out: bool = False) -> Batch:
        if not 0 <= index < self.size(held_out):
            raise DataError(_no_sample(self.info, index, held_out, self.size(held_out)))
        return Batch(self._points[index : index + 1], None)

    def exact(self) -> Mixture | None:
        return None


class Pictures:
    """Pictures, uint8 [n, 3, h, w] in memory, with int64 labels [n] or none."""

    def __init__(
        self, info: DataSet, images: Tensor, labels: Tensor | None, held_out: Tensor | None
    ) -> None:
        self.info = info
        self._held_out = None if held_out is None else images[held_out]
        self._held_labels = None if labels is None or held_out is None else labels[held_out]
        kept = slice(None) if held_out is None else ~held_out
        self._images = images[kept]
        self._labels = None if labels is None else labels[kept]

    def draw(self, count: int, randomness: Randomness, flip: bool = False) -> Batch:
        which = randomness.integers("data", len(self._images), (count,)).cpu()
        images = self._images[which]
        if flip:  # a stream of its own: the same pictures with and without
            mirrored = randomness.uniform("flip", (count,)).cpu() < 0.5
            images = torch.where(mirrored[:, None, None, None], images.flip(-1), images)
        return Batch(_as_float(images), None if self._labels is None else self._labels[which])

    def all(self) -> Tensor:
        return _as_float(self._images)

    def labels(self) -> Tensor | None:
        return self._labels

    def held_out(self, count: int) -> Tensor | None:
        return None if self._held_out is None else _as_float(self._held_out[:count])

    def size(self, held_out: bool = False) -> int:
        found = self._held_out if held_out else self._images
        return 0 if found is None else len(found)

    def pick(self, index: int, held_out: bool = False) -> Batch:
        if not 0 <= index < self.size(held_out):
            raise DataError(_no_sample(self.info, index, held_out, self.size(held_out)))
        images = self._held_out if held_out else self._images
        labels = self._held_labels if held_out else self._labels
        one = slice(index, index + 1)
        assert images is not None
        return Batch(_as_float(images[one]), None if labels is None else labels[one])

    def exact(self) -> Mixture | None:
        return None


def open_data(name: str, workspace: Path) -> Dataset:
    """Open the data set called `name`. Raises DataError, one sentence."""
    info = find(name, workspace)
    if info in POINT_SETS:
        return PointSet(info, MIXTURES[name]() if name in MIXTURES else None)
    path, remedy = asset("data") / f"{name}.h5", "install the program again"
    if not path.exists():
        path, remedy = imported_folder(name, workspace) / "data.h5", "delete it and import it again"
    arrays = read_pack(path, remedy, info.sealed)
    samples = arrays.get("points" if info.kind == "points" else "images")
    if samples is None or samples.shape != _shape(info):
        raise DataError(f"{path} is not as its description says; {remedy}.")
    if info.kind == "points":
        return Points(info, torch.from_numpy(samples))
    images = torch.from_numpy(samples).permute(0, 3, 1, 2).contiguous()
    labels, held_out = (_optional(arrays.get(key)) for key in ("labels", "held_out"))
    return Pictures(info, images, labels, None if held_out is None else held_out.bool())


def _no_sample(info: DataSet, index: int, held_out: bool, size: int) -> str:
    """Why there is no sample `index`; people count from 1."""
    if held_out and not size:
        return f"Nothing of {info.title} was held out; take what was trained on."
    noun = "pictures" if info.kind == "images" else "points"
    kind = "held-out " if held_out else ""
    known = f"1 to {size:,}" if size else "1 on"
    return f"{info.title} numbers its {kind}{noun} from {known}; there is no number {index + 1:,}."


def _shape(info: DataSet) -> tuple[int, ...]:
    """The shape that the packed samples of `info` have: pictures lie channels last."""
    return (
        (info.count, *info.shape[1:], *info.shape[:1]) if info.kind == "images" else (info.count, 2)
    )


def _optional(array: NDArray[Any] | None) -> Tensor | None:
    return None if array is None else torch.from_numpy(array)


def _as_float(images: Tensor) -> Tensor:
    return images.float().div_(127.5).sub_(1)
