"""Classifier-free guidance as part of what is learned, so that it costs nothing afterwards."""

from typing import NamedTuple

import torch
from torch import Tensor

from engine.contract import specs
from engine.flow.flow_map import Network
from engine.flow.randomness import Randomness
from engine.objectives.rows import Rows


class Guidance(NamedTuple):
    """v~ = omega v + kappa u(x, t, t | label) + (1 - omega - kappa) u(x, t, t | hidden label).

    MeanFlow's guidance with kappa (arXiv 2505.13447), where `start` <= t <= `end` and the label is
    not hidden. Where u(x, t, t | label) is the mean of v~ it is the velocity guided with the
    strength omega / (1 - kappa).
    """

    omega: float = 1.0
    kappa: float = 0.0
    start: float = 0.0
    end: float = 1.0

    def velocity(
        self, network: Network, rows: Rows, hidden: int | None, randomness: Randomness
    ) -> Tensor:
        """v~ of the rows. `hidden` is the label that stands for none.

        The network is asked for no velocity whose share is nothing. Told the label and not, it
        drops the same units.
        """
        label, found = rows.label, self.omega * rows.v
        if label is None or (self.omega, self.kappa) == (1.0, 0.0):
            return rows.v
        shares = ((self.kappa, label), (1 - self.omega - self.kappa, None))
        with torch.no_grad(), randomness.shared() as again:
            for share, told in shares:
                if abs(share) > 1e-9:
                    own = rows._replace(s=rows.t, label=told).asked(network)
                    found = found + share * own.to(found)
                    again()
        where = (rows.t >= self.start) & (rows.t <= self.end)
        if hidden is not None:
            where &= label != hidden
        return torch.where(where.reshape(-1, *[1] * (found.ndim - 1)), found, rows.v)


def guidance_of(spec: specs.MeanFlow | specs.ImprovedMeanFlow) -> Guidance:
    """What a spec asks for; iMF's v + (1 - 1 / omega) (v_c - v_u) has the strength omega.

    (arXiv 2512.02012: MeanFlow's with omega 1 and kappa 1 - 1 / omega.)
    """
    interval = spec.guidance_from, spec.guidance_to
    if isinstance(spec, specs.ImprovedMeanFlow):
        return Guidance(1.0, 1 - 1 / spec.omega, *interval)
    return Guidance(spec.omega, spec.kappa, *interval)
