"""The true flow beside a learned one: exact for mixtures, the empirical one for few pictures."""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from engine.contract.errors import UserError
from engine.contract.maps import SMALL
from engine.contract.messages import Source
from engine.explore.draws import start
from engine.explore.models import Loaded
from engine.explore.ways import Abandoned, Wanted
from engine.flow.clock import Time
from engine.flow.oracles.dense import DenseFlow
from engine.flow.oracles.empirical import Empirical
from engine.flow.oracles.oracle import Integrated

STEPS = 100  # of RK4 over [0, 1]: rms error below 1e-5 for every shipped set of points


@dataclass
class Truth:
    """The true flow, and its trajectories from the noise of a source.

    `memorises`: it is the flow of a finite set, all of whose trajectories end in a sample of it.
    """

    oracle: Integrated
    flow: DenseFlow
    memorises: bool

    def at(self, t: Time, wanted: Wanted = lambda: True, first: int | None = None) -> Tensor:
        """Where the trajectories [n, ...], or the `first` of them, stand at `t`.

        Raises Abandoned as soon as it is not `wanted` any more; what is integrated by then stays.
        """
        while not self.flow.reached(t):
            if not wanted():
                raise Abandoned
            self.flow.step()
        return self.flow.at(t, first)


@lru_cache(maxsize=2)
def truth(loaded: Loaded, source: Source) -> Truth | None:
    """The true flow of what a model learned, or None where nothing is known of it."""
    noise = start(loaded, source).noise
    if (exact := loaded.dataset.exact()) is not None:
        return Truth(exact, DenseFlow(exact, noise, STEPS), False)
    if loaded.info.data.kind == "points":
        return None
    oracle = _empirical(loaded, source)
    return Truth(oracle, DenseFlow(oracle, noise), True)


def _empirical(loaded: Loaded, source: Source) -> Empirical:
    """The flow of the pictures themselves, of those of each sample's class where it has one."""
    dataset = loaded.dataset
    data, known = dataset.all(), dataset.labels()
    if len(data) > SMALL:
        title = dataset.info.title
        raise UserError(f"{title} has too many pictures for the flow of all of them.")
    if loaded.spec.data.flip:
        data = torch.cat((data, data.flip(-1)))
        known = None if known is None else known.repeat(2)
    label = start(loaded, source).label
    if label is None or known is None:
        return Empirical(data)
    return Empirical(data, known == label[:, None])
